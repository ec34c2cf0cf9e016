import type { Hello } from './envelope.js';
import { Assembly } from './parts.js';

/**
 * - `present`: takes part in barriers and queries.
 * - `silent`: has not answered a barrier in time, or has sent nothing for some seconds.
 * - `absent`: the server says that it is not connected.
 * The latter two are left out of barriers until something comes from them. [cluster 4]
 */
export type PeerState = 'present' | 'silent' | 'absent';

/** Up to where something of a node has arrived: what is not above that is late, or comes again. */
interface Arrived {
  /** Of the last of its command envelopes that has arrived, or that is older than what has. */
  readonly number: number;
  /** Of its last query. */
  readonly queryId: number;
  /** Another node speaks for it: what it still tells of its connections is older than what that one has told. */
  readonly isReplaced: boolean;
}

const nothing: Arrived = { number: 0, queryId: 0, isReplaced: false };

/** Another node, as this one knows it. */
export class Peer implements Arrived {
  readonly tag: string;
  state: PeerState = 'present';
  /** Its last words; undefined: it has said nothing about itself yet. */
  hello: Hello | undefined;
  number: number;
  queryId: number;
  isReplaced: boolean;
  readonly assembly = new Assembly();
  /** Something has come from it since the last tick. */
  isFresh = true;
  quietTicks = 0;

  constructor(tag: string, { number, queryId, isReplaced }: Arrived = nothing) {
    this.tag = tag;
    this.number = number;
    this.queryId = queryId;
    this.isReplaced = isReplaced;
  }

  /** For people; another one for each node. */
  get name(): string {
    return this.hello === undefined ? this.tag : `${this.hello.name} (${this.tag})`;
  }
}

/** After so many ticks, of a second each, a peer from which nothing comes is silent. Each says hello once a second. */
const ticksUntilSilent = 3;

/** Of a node that has said bye: nothing new comes of it. */
const all: Arrived = {
  number: Number.POSITIVE_INFINITY,
  queryId: Number.POSITIVE_INFINITY,
  isReplaced: true,
};

/** Tags that are remembered after they are gone: each start of a node has another one. */
const mostRemembered = 1_000;

/** The other nodes of the cluster: who is there, and who is expected back. */
export class Peers {
  readonly #ticksUntilGone: number;
  /** Called for each that is not among the peers any more. */
  onGone: (peer: Peer) => void = () => {};
  readonly #peers = new Map<string, Peer>();
  /**
   * Of nodes that are not among the peers any more: one that was only cut off sends again what it cannot know to have arrived,
   * and what comes of one that has said bye is late, by a connection that it had lost.
   */
  readonly #arrived = new Map<string, Arrived>();

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

  /** Tags that do not come back, the youngest last. */
  get gone(): readonly string[] {
    return [...this.#arrived].flatMap(([tag, arrived]) => (arrived === all ? [tag] : []));
  }

  find(tag: string): Peer | undefined {
    return this.#peers.get(tag);
  }

  /** Something has come from the node. Hot path. */
  heard(tag: string): Peer {
    const peer = this.#peers.get(tag);
    if (peer === undefined) return this.#newPeer(tag);
    peer.isFresh = true;
    peer.state = 'present';
    return peer;
  }

  hello(tag: string, hello: Hello): Peer {
    const { formerTag, replaced } = hello;
    if (formerTag !== undefined) this.bye(formerTag);
    if (replaced !== undefined) this.replace(replaced);
    const peer = this.heard(tag);
    peer.hello = hello;
    peer.number = Math.max(peer.number, hello.number);
    return peer;
  }

  /** It does not come back. */
  bye(tag: string): void {
    this.#removePeer(tag);
    this.#remember(tag, all);
  }

  /** Another node speaks for it. It stays a peer until all its connections are ended: results without them are not whole. */
  replace(tag: string): void {
    const peer = this.#peers.get(tag);
    if (peer !== undefined) peer.isReplaced = true;
    else if (this.#arrived.get(tag) !== all) {
      this.#remember(tag, { ...(this.#arrived.get(tag) ?? nothing), isReplaced: true });
    }
  }

  /** Its lease has ended, and so have its connections. Messages that it accepted may still come. */
  forget(tag: string): void {
    this.replace(tag);
    this.#removePeer(tag);
  }

  /** Once a second while there is a connection. */
  tick(): void {
    for (const peer of this.#peers.values()) {
      peer.quietTicks = peer.isFresh ? 0 : peer.quietTicks + 1;
      peer.isFresh = false;
      // One that is only quiet is known again by what comes of it.
      if (peer.quietTicks >= this.#ticksUntilGone) this.#removePeer(peer.tag);
      else if (peer.quietTicks >= ticksUntilSilent && peer.state === 'present') peer.state = 'silent';
    }
  }

  /** One that has said bye is not added: nothing of it is newer than what has arrived. */
  #newPeer(tag: string): Peer {
    const arrived = this.#arrived.get(tag);
    const peer = new Peer(tag, arrived);
    if (arrived === all) return peer;
    this.#arrived.delete(tag);
    this.#peers.set(tag, peer);
    return peer;
  }

  #removePeer(tag: string): void {
    const peer = this.#peers.get(tag);
    if (peer === undefined) return;
    this.#peers.delete(tag);
    const { number, queryId, isReplaced } = peer;
    this.#remember(tag, { number, queryId, isReplaced });
    this.onGone(peer);
  }

  #remember(tag: string, arrived: Arrived): void {
    this.#arrived.delete(tag); // to become the youngest
    this.#arrived.set(tag, arrived);
    const [oldest] = this.#arrived.keys();
    if (this.#arrived.size > mostRemembered && oldest !== undefined) this.#arrived.delete(oldest);
  }
}
