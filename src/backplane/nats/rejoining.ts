import type { Answers, Command, Query, QueryKind, Target } from '../../hub/commands.js';
import type { Backplane, BackplaneNode, Gathered, Publication } from '../../hub/ports.js';
import type { NatsBackplane, NatsBackplaneOptions } from './nats-backplane.js';
import type { PeerState } from './peers.js';

/** @param past of a node that begins again */
export type MakeBackplane = (tag: string, past?: Pick<NatsBackplaneOptions, 'formerTag' | 'goneTags'>) => NatsBackplane;

/** A backplane over NATS of a node that may have to begin again under another tag. [cluster 6.2] */
export class RejoiningBackplane implements Backplane {
  readonly listensAtOnce = false;
  readonly #make: MakeBackplane;
  #now: NatsBackplane;
  #node: BackplaneNode | undefined;
  /** Others speak for this node: it says nothing under its old tag. */
  #isFenced = false;
  #isClosed = false;
  /** The end of what this node was before. */
  #left: Promise<void> = Promise.resolve();

  /** @param tag the first one */
  constructor(tag: string, make: MakeBackplane) {
    this.#make = make;
    this.#now = make(tag);
  }

  get tag(): string {
    return this.#now.tag;
  }

  /**
   * Settles once this node takes part, under the tag that it has now. What it kept under the tag before is sent first, or
   * never: by another connection it could come later than what is sent from now on.
   */
  async start(): Promise<void> {
    await this.#left;
    await this.#now.start();
  }

  /** Nothing is published any more, until `rejoin`. */
  fence(): void {
    this.#isFenced = true;
    this.#left = this.#now.close().catch(() => {}); // it is over, however it ended
  }

  /** Under another tag, with nothing that it listened to: this node has no connections now. `start` follows. */
  rejoin(tag: string): void {
    if (this.#isClosed) return;
    const { tag: formerTag, goneTags } = this.#now;
    this.#now = this.#make(tag, { formerTag, goneTags: [...goneTags, formerTag] }); // its own messages may come late, too
    if (this.#node !== undefined) this.#now.attach(this.#node);
    this.#isFenced = false;
  }

  get keptBytes(): number {
    return this.#now.keptBytes;
  }

  countOf(state: PeerState): number {
    return this.#now.countOf(state);
  }

  drain(): void {
    this.#now.drain();
  }

  /** As of the backplane. */
  forget(tag: string): void {
    this.#now.forget(tag);
  }

  attach(node: BackplaneNode): void {
    this.#node = node;
    this.#now.attach(node);
  }

  publish(target: Target, command: Command): Publication {
    return this.#isFenced ? 'shed' : this.#now.publish(target, command);
  }

  gather<K extends QueryKind>(
    target: Target,
    query: Query<K>,
    isFinal: (answer: Answers[K]) => boolean,
  ): Promise<Gathered<Answers[K]>> {
    return this.#now.gather(target, query, isFinal);
  }

  listen(target: Target): Promise<void> | undefined {
    return this.#now.listen(target);
  }

  unlisten(target: Target): void {
    if (!this.#isFenced) this.#now.unlisten(target);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#now.close();
  }
}
