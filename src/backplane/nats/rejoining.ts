import type { Answers, Command, Query, QueryKind, Target } from '../../hub/commands.js';
import type { Backplane, BackplaneNode, Gathered, Publication } from '../../hub/ports.js';
import type { NatsBackplane, NatsBackplaneOptions } from './nats-backplane.js';
import type { PeerState } from './peers.js';
import { birthTagOf } from './subjects.js';

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
  /** Under which it took part before: one for each fence. */
  readonly #formerTags = new Set<string>();
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
    const now = this.#now;
    await this.#left;
    if (now === this.#now) await now.start(); // else it was fenced again, and another call starts what it is by now
  }

  /** Nothing is published any more, until `rejoin`. */
  fence(): void {
    this.#isFenced = true;
    const before = this.#left;
    this.#left = this.#now.close().then(
      () => before,
      () => before, // it is over, however it ended
    );
  }

  /** Under another tag, listening to what does not belong to its former connections. `start` follows. */
  rejoin(tag: string): void {
    if (this.#isClosed) return;
    const former = this.#now;
    this.#formerTags.add(former.tag);
    const formerTag = former.hasTakenPart ? former.tag : former.formerTag;
    this.#now = this.#make(tag, { formerTag, goneTags: [...former.goneTags, former.tag] }); // its own messages may come late, too
    this.#now.takeOver(former);
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
  replace(tag: string, isOwn: boolean): void {
    this.#now.replace(tag, isOwn);
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
    return this.#isFormer(target) ? undefined : this.#now.listen(target);
  }

  unlisten(target: Target): void {
    if (!this.#isFormer(target)) this.#now.unlisten(target);
  }

  /** A connection of an old tag, which is over: it had no subscription, since its name has the tag. */
  #isFormer(target: Target): boolean {
    return this.#formerTags.size > 0 && this.#formerTags.has(birthTagOf(target));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#now.close();
  }
}
