import type { Answers, Command, Query, QueryKind, Target } from '../../hub/commands.js';
import type { Backplane, BackplaneNode, Gathered, Publication } from '../../hub/ports.js';
import type { Link } from '../../nats/link.js';
import { Attendance } from './attendance.js';
import { Bus } from './bus.js';
import type { BusOptions } from './bus-options.js';
import type { PeerState } from './peers.js';

export interface NatsBackplaneOptions extends BusOptions {
  /** Started and closed with the backplane. */
  readonly link: Link;
  /** For how long a new node introduces itself before it takes part. */
  readonly settleMs?: number;
}

/** Longer than routes between servers take. */
const defaultSettleMs = 500;

/** Joins the nodes of a cluster by NATS: each receives what is for the targets that it listens to. [cluster 3–5] */
export class NatsBackplane implements Backplane {
  readonly listensAtOnce = false;
  readonly tag: string;
  readonly formerTag: string | undefined;
  readonly #bus: Bus;
  readonly #attendance: Attendance;

  constructor({ link, settleMs = defaultSettleMs, ...options }: NatsBackplaneOptions) {
    this.tag = options.tag;
    this.formerTag = options.formerTag;
    this.#bus = new Bus(options);
    const { clock, turn } = options;
    this.#attendance = new Attendance({ bus: this.#bus, link, clock, turn, settleMs });
  }

  /** Settles once this node takes part, however long that takes: no client may be let in before. [CL-034] */
  start(): Promise<void> {
    return this.#attendance.start();
  }

  /** Others may have carried out what it sent. */
  get hasTakenPart(): boolean {
    return this.#attendance.hasTakenPart;
  }

  /** Bytes that are kept for other nodes, for metrics. */
  get keptBytes(): number {
    return this.#bus.outgoing.keptBytes;
  }

  /** Targets that have a subscription of their own at the server. */
  get subscriptions(): number {
    return this.#bus.interests.size;
  }

  /** Tags of nodes that do not come back, the youngest last. */
  get goneTags(): readonly string[] {
    return this.#bus.peers.gone;
  }

  /** Other nodes in this state, for metrics. */
  countOf(state: PeerState): number {
    return this.#bus.peers.in(state).length;
  }

  /** Other nodes are told that this one lets no more clients in. */
  drain(): void {
    this.#bus.isDraining = true;
  }

  /** Another node speaks for one: what that one still tells of its connections is not carried out. @param isOwn it is this node, which tells the others */
  replace(tag: string, isOwn: boolean): void {
    if (isOwn) this.#bus.replace(tag);
    else this.#bus.peers.replace(tag);
  }

  /** A node is gone, and so are its connections: results without it are whole. @param tag its */
  forget(tag: string): void {
    this.#bus.peers.forget(tag);
  }

  attach(node: BackplaneNode): void {
    this.#bus.node = node;
  }

  /** Without another node it costs nothing. Hot path. What comes before this node takes part is kept until it does. */
  publish(target: Target, command: Command): Publication {
    const { batches, subjects } = this.#bus;
    return this.#isAlone ? 'accepted' : batches.add(subjects.of(target), target, command);
  }

  async gather<K extends QueryKind>(
    target: Target,
    query: Query<K>,
    isFinal: (answer: Answers[K]) => boolean,
  ): Promise<Gathered<Answers[K]>> {
    if (this.#isAlone) return { answers: [], missing: [] };
    const { peers, questions } = this.#bus;
    if (!this.#attendance.hasTakenPart || peers.isAlone) return questions.unsent();
    return questions.gather(target, query, isFinal);
  }

  /** There is no other node, as far as one that takes part knows. */
  get #isAlone(): boolean {
    return this.#bus.isAlone && this.#attendance.hasTakenPart;
  }

  listen(target: Target): Promise<void> | undefined {
    const { subjects, interests } = this.#bus;
    return subjects.isOwn(target) ? undefined : interests.listen(subjects.of(target));
  }

  unlisten(target: Target): void {
    const { subjects, interests } = this.#bus;
    if (!subjects.isOwn(target)) interests.unlisten(subjects.of(target));
  }

  /** Listens to what the former one still listened to: each `unlisten` is still to come. */
  takeOver(former: NatsBackplane): void {
    const { interests } = this.#bus;
    for (const [subject, calls] of former.#bus.interests.listened()) {
      for (let call = 0; call < calls; call += 1) interests.listen(subject);
    }
  }

  close(): Promise<void> {
    return this.#attendance.end();
  }
}
