import type { Answers, QueryKind } from '../../hub/commands.js';
import type { BackplaneNode } from '../../hub/ports.js';
import type { Envelope, EnvelopeWriter } from './envelope.js';
import type { Peer } from './peers.js';

type QueryEnvelope = Envelope & { kind: 'query' };

export interface AnsweringParts {
  readonly node: () => BackplaneNode | undefined;
  readonly writer: EnvelopeWriter;
  /** Sends what waits, then the answer. */
  readonly reply: (to: string, bytes: Buffer) => void;
}

/** Answers the queries of other nodes. [cluster 5] */
export class Answering {
  readonly #parts: AnsweringParts;
  /** Queries that are being answered, by the tag of their node. */
  readonly #late = new Map<string, Set<number>>();

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  /** Ids of that node's queries that are still to be answered. */
  lateOf(tag: string): readonly number[] {
    return [...(this.#late.get(tag) ?? [])];
  }

  /** One that was received before, by way of another server, is not answered again. */
  receive(peer: Peer, envelope: QueryEnvelope): void {
    if (envelope.id <= peer.queryId) return;
    peer.queryId = envelope.id;
    try {
      this.#answer(envelope);
    } catch (error) {
      this.#fail(envelope, error);
    }
  }

  #answer(envelope: QueryEnvelope): void {
    const { target, query } = envelope;
    const answer = this.#parts.node()?.performerOf(target.hub)?.answer<QueryKind>(target, query);
    if (answer instanceof Promise) this.#answerLate(envelope, answer);
    else if (answer !== undefined) this.#reply(envelope, answer);
  }

  #answerLate(envelope: QueryEnvelope, answer: Promise<Answers[QueryKind]>): void {
    const { from, id } = envelope;
    const late = this.#late.get(from) ?? new Set();
    this.#late.set(from, late.add(id));
    const conclude = () => {
      late.delete(id);
      if (late.size === 0) this.#late.delete(from);
    };
    answer
      .then(given => this.#reply(envelope, given))
      .catch(error => this.#fail(envelope, error))
      .finally(conclude);
  }

  #reply({ from, id, query: { kind } }: QueryEnvelope, answer: Answers[QueryKind]): void {
    this.#parts.reply(from, this.#parts.writer.answer(id, kind, answer));
  }

  #fail({ from, id, target }: QueryEnvelope, error: unknown): void {
    this.#parts.node()?.failed(target, error);
    this.#parts.reply(from, this.#parts.writer.failure(id));
  }
}
