import type { Command, Target } from '../../hub/commands.js';
import type { Publication, Turn } from '../../hub/ports.js';
import type { EnvelopeWriter } from './envelope.js';
import type { Outgoing } from './outgoing.js';

interface Batch {
  readonly target: Target;
  readonly commands: Command[];
  bodyBytes: number;
  reservedBytes: number;
}

export interface BatchParts {
  readonly turn: Turn;
  readonly writer: Pick<EnvelopeWriter, 'commands'>;
  readonly outgoing: Pick<Outgoing, 'reserve' | 'release' | 'keep'>;
}

/** Most of one envelope; then the next one begins. [cluster 3.4] */
const most = { commands: 256, bodyBytes: 256 * 1024 };

/** About what a command takes in the head of its envelope. */
const headBytes = 512;

/** Gathers the commands of one turn: those for the same target leave in one envelope, at the turn's end. [cluster 3.4] */
export class Batches {
  readonly #parts: BatchParts;
  /** By subject, which is another one for each target. */
  readonly #batches = new Map<string, Batch>();
  #number = 0;
  #isEndAwaited = false;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /** @param subject of the target */
  add(subject: string, target: Target, command: Command): Publication {
    const bodyBytes = bodyBytesOf(command);
    const bytes = bodyBytes + headBytes;
    if (!this.#parts.outgoing.reserve(bytes)) return 'shed';
    const batch = this.#batchOf(subject, target);
    batch.commands.push(command);
    batch.bodyBytes += bodyBytes;
    batch.reservedBytes += bytes;
    if (batch.commands.length >= most.commands || batch.bodyBytes >= most.bodyBytes) this.#sendBatch(subject, batch);
    else this.#awaitEnd();
    return 'accepted';
  }

  /** Sends what waits: before whatever must not overtake it. */
  readonly flush = (): void => {
    this.#isEndAwaited = false;
    for (const [subject, batch] of this.#batches) this.#sendBatch(subject, batch);
  };

  #batchOf(subject: string, target: Target): Batch {
    const known = this.#batches.get(subject);
    if (known !== undefined) return known;
    const batch: Batch = { target, commands: [], bodyBytes: 0, reservedBytes: 0 };
    this.#batches.set(subject, batch);
    return batch;
  }

  #sendBatch(subject: string, { target, commands, reservedBytes }: Batch): void {
    this.#batches.delete(subject);
    this.#parts.outgoing.release(reservedBytes);
    this.#number += 1;
    const bytes = this.#parts.writer.commands(this.#number, target, commands);
    this.#parts.outgoing.keep(this.#number, subject, bytes, commands.length);
  }

  #awaitEnd(): void {
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    this.#parts.turn.atEnd(this.flush);
  }
}

function bodyBytesOf(command: Command): number {
  return command.kind === 'send' && 'payload' in command.message ? command.message.payload.bytes.length : 0;
}
