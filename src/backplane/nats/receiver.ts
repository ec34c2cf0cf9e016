import type { Clock } from '../../clock.js';
import { BadEnvelope, type Flaw } from './bad-envelope.js';
import { type Envelope, readEnvelope } from './envelope.js';
import type { Signer } from './frame.js';
import type { Peer, Peers } from './peers.js';

/** An envelope that is whole. */
export type WholeEnvelope = Exclude<Envelope, { kind: 'part' }>;

/** What was dropped in a minute. */
export interface Dropped {
  readonly count: number;
  /** Of the first. */
  readonly flaw: Flaw;
  readonly reason: string;
  readonly subject: string;
}

export interface ReceiverParts {
  readonly tag: string;
  readonly clock: Clock;
  readonly signer: Signer | undefined;
  readonly peers: Peers;
  readonly take: (peer: Peer, envelope: WholeEnvelope) => void;
  /** Called for each envelope that is dropped. */
  readonly onDropped: () => void;
  /** Called at most once a minute. */
  readonly tellDropped: (dropped: Dropped) => void;
}

const tellMs = 60_000;

/** Reads what arrives: whole envelopes of other nodes are taken, anything else is dropped and counted. [cluster 3.3] */
export class Receiver {
  readonly #parts: ReceiverParts;
  /** Not told yet. */
  #dropped: Dropped | undefined;
  #isMinuteOver = true;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  receive(subject: string, data: Uint8Array): void {
    try {
      this.#read(data);
    } catch (error) {
      this.drop(subject, error);
    }
  }

  /** @throws the error when it is a fault of this program */
  drop(subject: string, error: unknown): void {
    if (!(error instanceof BadEnvelope)) throw error;
    const { flaw, message: reason } = error;
    this.#parts.onDropped();
    this.#dropped = { flaw, reason, subject, ...this.#dropped, count: (this.#dropped?.count ?? 0) + 1 };
    if (this.#isMinuteOver) this.#tell();
  }

  #read(data: Uint8Array): void {
    const envelope = readEnvelope(data, this.#parts.signer);
    if (envelope.from === this.#parts.tag) return; // by way of another server
    const peer = this.#peerOf(envelope);
    const whole = envelope.kind === 'part' ? this.#whole(peer, envelope) : envelope;
    if (whole !== undefined) this.#parts.take(peer, whole);
  }

  #whole(peer: Peer, part: Envelope & { kind: 'part' }): WholeEnvelope | undefined {
    const bytes = peer.assembly.add(part);
    if (bytes === undefined) return undefined;
    const whole = readEnvelope(bytes, this.#parts.signer);
    if (whole.kind === 'part' || whole.from !== peer.tag) throw new BadEnvelope('part', 'parts of no envelope');
    return whole;
  }

  #peerOf(envelope: Envelope): Peer {
    const { peers } = this.#parts;
    return envelope.kind === 'hello' ? peers.hello(envelope.from, envelope.hello) : peers.heard(envelope.from);
  }

  #tell(): void {
    const dropped = this.#dropped;
    this.#isMinuteOver = dropped === undefined;
    if (dropped === undefined) return;
    this.#dropped = undefined;
    this.#parts.tellDropped(dropped);
    this.#parts.clock.after(tellMs, () => this.#tell());
  }
}
