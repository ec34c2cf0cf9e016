import { atMost, type Clock } from '../../clock.js';
import type { Answers, Query, QueryKind, Target } from '../../hub/commands.js';
import type { Gathered } from '../../hub/ports.js';
import type { Barriers } from './barriers.js';
import type { SentAnswer } from './envelope.js';
import type { Peer, Peers } from './peers.js';
import { birthTagOf } from './subjects.js';

export interface QuestionParts {
  readonly clock: Clock;
  readonly peers: Peers;
  readonly barriers: Pick<Barriers, 'pass'>;
  /** Settles once the query may be sent; undefined: at once. */
  readonly turnOf: (target: Target, query: Query<QueryKind>) => Promise<void> | undefined;
  /** Sends what waits, then the query. */
  readonly send: (id: number, target: Target, query: Query<QueryKind>) => void;
  /** An answer that is none to the query. */
  readonly onBadAnswer: (error: unknown) => void;
  /** A result without the answers of all nodes. */
  readonly onPartial: () => void;
}

/** For its turn a query waits so long; then it has reached no node. */
const turnMs = 1_000;

/** While answers are late, a barrier now and then tells whether they are still to come. */
const recheckMs = 1_000;

/**
 * This node's queries. Only nodes with an interest in the target get one. It ends at the first answer that is final, or when a
 * barrier is through that began after it, and late answers are in. That nobody listens, says the server, is not enough: a node
 * that is not connected at the moment may have what is looked for. Unless none can: then it ends at once. [cluster 5]
 */
export class Questions {
  readonly #parts: QuestionParts;
  readonly #questions = new Map<number, Question<QueryKind>>();
  #id = 0;

  constructor(parts: QuestionParts) {
    this.#parts = parts;
  }

  /** As of the backplane. */
  async gather<K extends QueryKind>(
    target: Target,
    query: Query<K>,
    isFinal: (answer: Answers[K]) => boolean,
  ): Promise<Gathered<Answers[K]>> {
    const question = new Question(query.kind, isFinal, target);
    const turn = this.#parts.turnOf(target, query);
    if (turn !== undefined && !(await atMost(turnMs, turn, this.#parts.clock))) {
      question.miss(this.#parts.peers.all());
      return this.#result(question);
    }
    this.#id += 1; // of those that are sent: a peer answers none that is not above the one before
    const id = this.#id;
    this.#questions.set(id, question as unknown as Question<QueryKind>);
    try {
      this.#parts.send(id, target, query);
      await Promise.race([question.isOver, this.#untilAnswered(id, question)]);
      return this.#result(question);
    } finally {
      this.#questions.delete(id);
    }
  }

  /** What a query has found while this node does not know whom to send it to. */
  unsent(): Gathered<never> {
    this.#parts.onPartial();
    return { answers: [], missing: ['all others: this node does not know them yet'] };
  }

  answered(peer: Peer, id: number, answer: SentAnswer | undefined): void {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    try {
      question.take(peer, answer);
    } catch (error) {
      this.#parts.onBadAnswer(error);
    }
  }

  /** The peer is gone, and so is all that it had. */
  gone(peer: Peer): void {
    for (const question of this.#questions.values()) question.gone(peer);
  }

  /** The server says that nobody listens to the target: told of connections only. */
  nobodyListens(id: number): void {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    question.isUnheard = true;
    if (this.#parts.peers.find(birthTagOf(question.target)) === undefined) question.end();
  }

  async #untilAnswered<K extends QueryKind>(id: number, question: Question<K>): Promise<void> {
    for (;;) {
      const passage = await this.#parts.barriers.pass().catch(() => undefined);
      if (passage === undefined) return question.miss(this.#parts.peers.all());
      question.miss(passage.missing);
      question.expect([...passage.late].filter(([, ids]) => ids.includes(id)).map(([peer]) => peer));
      if (await question.waitForLate(recheckMs, this.#parts.clock)) return;
    }
  }

  #result<K extends QueryKind>({ answers, isFinal, missing, isUnheard, target }: Question<K>): Gathered<Answers[K]> {
    if (isFinal) return { answers: [...answers], missing: [] };
    // A connection that nobody listens to can only be on the node that gave its id. [CL-010]
    const mattering = isUnheard ? missing.filter(({ tag }) => tag === birthTagOf(target)) : missing;
    if (mattering.length > 0) this.#parts.onPartial();
    return { answers: [...answers], missing: mattering.map(({ name }) => name) };
  }
}

class Question<K extends QueryKind> {
  readonly target: Target;
  readonly answers: Answers[K][] = [];
  /** One answer is enough. */
  isFinal = false;
  /** Nobody listens to the target. */
  isUnheard = false;
  /** Settles before all have answered. */
  readonly isOver: Promise<void>;
  readonly #kind: K;
  readonly #isEnough: (answer: Answers[K]) => boolean;
  readonly #answered = new Set<Peer>();
  readonly #missing = new Set<Peer>();
  #late: readonly Peer[] = [];
  /** Nothing more is waited for. */
  end!: () => void;
  /** Called after each answer. */
  #onAnswer = () => {};

  constructor(kind: K, isEnough: (answer: Answers[K]) => boolean, target: Target) {
    this.target = target;
    this.#kind = kind;
    this.#isEnough = isEnough;
    this.isOver = new Promise(resolve => {
      this.end = resolve;
    });
  }

  get missing(): readonly Peer[] {
    return [...this.#missing];
  }

  /** @param sent undefined: the query failed there @throws BadEnvelope for an answer to another kind of query */
  take(peer: Peer, sent: SentAnswer | undefined): void {
    if (this.#answered.has(peer)) return;
    const answer = sent?.read(this.#kind);
    this.#answered.add(peer);
    this.#missing.delete(peer);
    if (answer === undefined) this.#missing.add(peer);
    else this.#add(answer);
    this.#onAnswer();
  }

  /** These will not answer, as far as is known. */
  miss(peers: Iterable<Peer>): void {
    for (const peer of peers) if (!this.#answered.has(peer)) this.#missing.add(peer);
  }

  /** It will not answer, and nothing is missing without it. */
  gone(peer: Peer): void {
    this.#answered.add(peer);
    this.#missing.delete(peer);
    this.#onAnswer();
  }

  /** @param late peers whose answers are still to come; others that were late do not come any more */
  expect(late: readonly Peer[]): void {
    this.miss(this.#late);
    for (const peer of late) if (!this.#answered.has(peer)) this.#missing.delete(peer);
    this.#late = late;
  }

  /** True once all that are late have answered; false when that takes longer. */
  waitForLate(limitMs: number, clock: Clock): Promise<boolean> {
    const isAnswered = () => this.#late.every(peer => this.#answered.has(peer));
    return new Promise(resolve => {
      if (isAnswered()) return resolve(true);
      const cancel = clock.after(limitMs, () => resolve(false));
      this.#onAnswer = () => {
        if (!isAnswered()) return;
        cancel();
        resolve(true);
      };
    });
  }

  #add(answer: Answers[K]): void {
    this.answers.push(answer);
    if (!this.#isEnough(answer)) return;
    this.isFinal = true;
    this.end();
  }
}
