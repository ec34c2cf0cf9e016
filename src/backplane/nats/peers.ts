import type { Hello } from './envelope.js';
import { Assembly } from './parts.js';

/**
 * - `present`: takes part in barriers and queries.
 * - `silent`: has not answered a barrier in time, or has sent nothing for some seconds.
 * - `absent`: the server says that it is not connected.
 * The latter two are left out of barriers until something comes from them. [cluster 4]
 */
export type PeerState = 'present' | 'silent' | 'absent';

/** Another node, as this one knows it. */
export class Peer {
  readonly tag: string;
  state: PeerState = 'present';
  /** Its last words; undefined: it has said nothing about itself yet. */
  hello: Hello | undefined;
  /** Of the last of its command envelopes that has arrived, or that is older than what has. */
  number = 0;
  /** Of its last query. */
  queryId = 0;
  readonly assembly = new Assembly();
  /** Something has come from it since the last tick. */
  isFresh = true;
  quietTicks = 0;

  constructor(tag: string) {
    this.tag = tag;
  }

  /** For people; another one for each node. */
  get name(): string {
    return this.hello === undefined ? this.tag : `${this.hello.name} (${this.tag})`;
  }
}

/** After so many ticks, of a second each, a peer from which nothing comes is silent. Each says hello once a second. */
const ticksUntilSilent = 3;

/** Tags that are remembered after they are gone: each start of a node has another one. */
const mostRemembered = 1_000;

/** The other nodes of the cluster: who is there, and who is expected back. */
export class Peers {
  readonly #ticksUntilGone: number;
  readonly #peers = new Map<string, Peer>();
  /** Said bye, and do not come back. What still comes of them is late: from a connection that they had lost, and of which the server did not know. */
  readonly #left = new Set<string>();
  /** Of nodes that are forgotten, the number: one that was only cut off sends again what it cannot know to have arrived. */
  readonly #lastNumbers = new Map<string, number>();

  /** @param goneAfterMs until a node from which nothing comes is forgotten: then its connections are gone too */
  constructor(goneAfterMs: number) {
    this.#ticksUntilGone = Math.max(Math.ceil(goneAfterMs / 1_000), ticksUntilSilent + 1);
  }

  /** There is nobody else, as far as is known. Hot path. */
  get isAlone(): boolean {
    return this.#peers.size === 0;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  in(...states: readonly PeerState[]): readonly Peer[] {
    return [...this.#peers.values()].filter(({ state }) => states.includes(state));
  }

  /** What the others can read: those that have said so. */
  *formats(): Iterable<readonly number[]> {
    for (const { hello } of this.#peers.values()) if (hello !== undefined) yield hello.formats;
  }

  find(tag: string): Peer | undefined {
    return this.#peers.get(tag);
  }

  /** Something has come from the node. Hot path. */
  heard(tag: string): Peer {
    const peer = this.#peers.get(tag);
    if (peer === undefined) return this.#left.has(tag) ? gone(tag) : this.#add(tag);
    peer.isFresh = true;
    peer.state = 'present';
    return peer;
  }

  hello(tag: string, hello: Hello): Peer {
    const { formerTag } = hello;
    if (formerTag !== undefined && !this.#left.has(formerTag)) this.bye(formerTag);
    const peer = this.heard(tag);
    peer.hello = hello;
    peer.number = Math.max(peer.number, hello.number);
    return peer;
  }

  bye(tag: string): void {
    this.#peers.delete(tag);
    this.#left.add(tag);
    if (this.#left.size > mostRemembered) this.#left.delete(oldestOf(this.#left)!);
  }

  /** The node is gone, and so are its connections. If it is not, it is known again by what comes of it. */
  forget(tag: string): void {
    const peer = this.#peers.get(tag);
    if (peer !== undefined) this.#forget(peer);
  }

  /** Once a second while there is a connection. */
  tick(): void {
    for (const peer of this.#peers.values()) {
      peer.quietTicks = peer.isFresh ? 0 : peer.quietTicks + 1;
      peer.isFresh = false;
      if (peer.quietTicks >= this.#ticksUntilGone) this.#forget(peer);
      else if (peer.quietTicks >= ticksUntilSilent && peer.state === 'present') peer.state = 'silent';
    }
  }

  #add(tag: string): Peer {
    const peer = new Peer(tag);
    peer.number = this.#lastNumbers.get(tag) ?? 0;
    this.#lastNumbers.delete(tag);
    this.#peers.set(tag, peer);
    return peer;
  }

  #forget({ tag, number }: Peer): void {
    this.#peers.delete(tag);
    this.#lastNumbers.set(tag, number);
    if (this.#lastNumbers.size > mostRemembered) this.#lastNumbers.delete(oldestOf(this.#lastNumbers.keys())!);
  }
}

/** One that is not among the peers any more: all its commands are older than what has arrived. */
function gone(tag: string): Peer {
  const peer = new Peer(tag);
  peer.number = Number.POSITIVE_INFINITY;
  return peer;
}

function oldestOf(tags: Iterable<string>): string | undefined {
  const [oldest] = tags;
  return oldest;
}
