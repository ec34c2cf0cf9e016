import type { Frames } from '../frames/frames.js';
import { canonicalHubName } from '../protocols/names.js';
import type { InboundFrame } from '../protocols/protocol.js';
import type { Attempted, FactConnection, PlainFact, Published, Received, Sent } from './facts.js';

/** What is watched: one connection, a hub with all of its connections, or, with neither, the node. */
export interface WatchTarget {
  /** In any letter case. It need not exist. */
  readonly hub?: string | undefined;
  readonly connectionId?: string | undefined;
}

/**
 * Sees what happens to what it watches. Called within the hub's own calls: must not wait. Only what some watcher has a
 * method for is made. Frames and bodies are shared with sockets: they are read within the call, and never changed.
 */
export interface Watcher {
  /** What readers of facts are told. */
  fact?(fact: PlainFact): void;
  /** Each WebSocket message from a client, and what is handed to its socket. Of a hub, those of each connection. */
  frames?(fact: Received | Sent): void;
  /** Of a connection: what its client publishes. */
  published?(fact: Published): void;
  attempted?(fact: Attempted): void;
}

/** Where a connection tells its frames while somebody watches them. */
export interface FrameWatch {
  received(connection: FactConnection, frame: InboundFrame): void;
  sent(connection: FactConnection, frames: Frames): void;
}

/** Lets the connections of this node know whether their frames are watched. */
export interface Watched {
  /** Looks again at the connections of the target. */
  remark(target: WatchTarget): void;
}

interface Watch {
  readonly target: WatchTarget;
  readonly watcher: Watcher;
}

/** Of whom something is told. */
interface Subject {
  readonly hub: string;
  readonly connectionId: string | undefined;
}

/**
 * Who watches what. While nobody watches anything, an event costs one read of `isActive`, and a frame one read of its
 * connection's own mark. Watches are few: each is looked at in turn.
 */
export class Watches {
  /** Somebody watches something. Hot path: read before anything is made for watchers. */
  isActive = false;
  #watches: readonly Watch[] = [];
  #watched: Watched | undefined;
  readonly #fault: (where: string, error: unknown) => void;

  /** @param fault is told of a watcher that threw: it watches no longer */
  constructor(fault: (where: string, error: unknown) => void) {
    this.#fault = fault;
  }

  /** Called once, by the hubs. */
  attach(watched: Watched): void {
    this.#watched = watched;
  }

  /** @returns ends the watch; a connection's does not end with the connection */
  watch({ hub, connectionId }: WatchTarget, watcher: Watcher): () => void {
    const target = { hub: hub === undefined ? undefined : canonicalHubName(hub), connectionId };
    const watch = { target, watcher };
    this.#change(target, [...this.#watches, watch]);
    return () => this.#end(watch);
  }

  /** For the mark of a connection; undefined when its frames are not watched. */
  framesOf(hub: string, connectionId: string): FrameWatch | undefined {
    const subject = { hub, connectionId };
    const isWatched = this.#watches.some(
      ({ target, watcher }) => watcher.frames !== undefined && covers(target, subject),
    );
    if (!isWatched) return undefined;
    const see = (fact: Received | Sent) => this.#each(subject, watcher => watcher.frames?.(fact));
    return {
      received: (connection, frame) => see({ kind: 'received', hub, connection, frame }),
      sent: (connection, frames) => see({ kind: 'sent', hub, connection, frames }),
    };
  }

  /** As a reader of facts. */
  tell(fact: PlainFact): void {
    if (!this.isActive) return;
    const connectionId = connectionIdOf(fact);
    this.#each({ hub: fact.hub, connectionId }, watcher => watcher.fact?.(fact));
  }

  published(fact: Published): void {
    this.#each({ hub: fact.hub, connectionId: fact.by?.id }, watcher => watcher.published?.(fact));
  }

  attempted(fact: Attempted): void {
    this.#each(fact, watcher => watcher.attempted?.(fact));
  }

  /** Are the attempts of this connection's events watched? */
  seesAttempts(hub: string, connectionId: string): boolean {
    const subject = { hub, connectionId };
    return this.#watches.some(({ target, watcher }) => watcher.attempted !== undefined && covers(target, subject));
  }

  #each(subject: Subject, see: (watcher: Watcher) => void): void {
    for (const watch of this.#watches) {
      if (!covers(watch.target, subject)) continue;
      try {
        see(watch.watcher);
      } catch (error) {
        this.#end(watch);
        this.#fault('a watcher, which was removed', error);
      }
    }
  }

  #end(watch: Watch): void {
    if (!this.#watches.includes(watch)) return;
    this.#change(
      watch.target,
      this.#watches.filter(other => other !== watch),
    );
  }

  #change(target: WatchTarget, watches: readonly Watch[]): void {
    this.#watches = watches;
    this.isActive = watches.length > 0;
    this.#watched?.remark(target);
  }
}

/** Undefined: it is about no connection. */
function connectionIdOf(fact: PlainFact): string | undefined {
  if ('connection' in fact) return fact.connection.id;
  return 'connectionId' in fact ? fact.connectionId : undefined;
}

function covers({ hub, connectionId }: WatchTarget, subject: Subject): boolean {
  if (hub !== undefined && hub !== subject.hub) return false;
  return connectionId === undefined || connectionId === subject.connectionId;
}
