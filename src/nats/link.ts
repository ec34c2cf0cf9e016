import type { NatsConnection, ServerInfo } from '@nats-io/transport-node';
import { atMost } from '../clock.js';
import { BackOff } from './back-off.js';
import { dial } from './dial.js';
import type { LinkPurpose, NatsParts } from './events.js';
import { exposureOf } from './exposure.js';
import { flushed } from './flush.js';
import { Hold, reasonOf } from './hold.js';
import { hostAndPort, type NatsOptions } from './options.js';
import { type Candidate, ServerList } from './server-list.js';

/** A connection that lasted this long ends a row of failed attempts. */
const steadyMs = 1_000;
/** Longest that listeners may take to move to another connection. */
const moveMs = 8_000;
/** The connection that was left stays open this long: responses to its requests still arrive. */
const lingerMs = 2_000;
/** Longest wait for what was sent to leave, when the link is closed. */
const lastFlushMs = 1_000;

/** Who uses a link. All calls are made in the order in which listeners were added. */
export interface LinkListener {
  /** A new connection is there, on which nothing is subscribed yet. */
  connected(connection: NatsConnection): void;
  /** The connection is gone, with what was not flushed. Never for one that `leaving` has moved away from. */
  lost?(reason: string): void;
  /**
   * The server is about to stop: subscribe at `next`, send there from now on, and settle when nothing more is needed of the
   * old one, which stays open until then. Left out: `connected(next)` instead. If the old one ends before that, `lost` follows
   * and `next` is closed too. [CL-016]
   */
  leaving?(next: NatsConnection): Promise<void>;
  /** Servers or routes have come or gone. */
  topologyChanged?(): void;
  /** The user may not publish to this subject. @returns whether the listener tells of it; otherwise a warning does */
  mute?(subject: string): boolean;
}

/**
 * Keeps one connection to NATS, at one server after another, for as long as it is not closed: each is a connection of its own
 * that the link makes and drops, since the client's way of connecting anew gets stuck. [cluster 1.2] [CL-012] [CL-015]
 */
export class Link {
  readonly purpose: LinkPurpose;
  readonly #options: NatsOptions;
  readonly #parts: NatsParts;
  readonly #servers: ServerList;
  readonly #backOff = new BackOff();
  readonly #listeners = new Set<LinkListener>();
  #held: Hold | undefined;
  /** The one before, while answers may still arrive on it. */
  #left: Hold | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;
  /** Ends the wait between two attempts. */
  #wake = () => {};
  /** What was told last of attempts that failed in a row. */
  #toldFailure: string | undefined;
  /** The beginnings of subjects of which it was told that nothing may be published to them. */
  readonly #toldMute = new Set<string>();

  constructor(options: NatsOptions, purpose: LinkPurpose, parts: NatsParts) {
    this.purpose = purpose;
    this.#options = options;
    this.#parts = parts;
    this.#servers = new ServerList(options.servers);
  }

  /** Undefined while there is none. */
  get connection(): NatsConnection | undefined {
    return this.#held?.connection;
  }

  /** @returns a function that removes the listener */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Settles with the first connection, however long that takes. @throws as a rejection when the link is closed before */
  start(): Promise<NatsConnection> {
    return new Promise((resolve, reject) => {
      const remove = this.listen({ connected: connection => resolve(connection) });
      this.#running ??= this.#run();
      void this.#running.then(() => reject(new Error('the connection to NATS was closed before there was one')));
      if (this.connection !== undefined) resolve(this.connection);
      void this.#running.finally(remove);
    });
  }

  /** Leaves the connection for a new one. @param reason for people */
  renew(reason: string): void {
    this.#held?.end(reason);
  }

  /** Sends what waits, for at most a second, and ends the connection. No listener is called any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#wake();
    this.#left?.end('closed');
    const held = this.#held;
    if (held !== undefined) {
      await flushed(held.connection, lastFlushMs, this.#parts.clock);
      held.end('closed');
    }
    await this.#running;
  }

  // ------------------------------------------------------------------------------------------------------ the loop

  async #run(): Promise<void> {
    for (let held = await this.#dial(); held !== undefined; held = await this.#dial()) {
      this.#use(held);
      this.#each(listener => listener.connected(held.connection));
      await this.#untilLost(held);
    }
  }

  #use(held: Hold): void {
    this.#held = held;
    this.#toldFailure = undefined;
    this.#servers.learn(held.told, held.server);
    held.onTopology = () => {
      this.#servers.learn(held.told, held.server);
      this.#each(listener => listener.topologyChanged?.());
    };
    held.onMute = subject => this.#mute(held, subject);
    const exposure = exposureOf(held.server, held.connection.info ?? ({} as ServerInfo));
    if (exposure !== undefined) this.#parts.tell({ kind: 'warned', text: exposure });
    this.#parts.tell({ kind: 'connected', purpose: this.purpose, server: held.name });
  }

  /** Follows the connection, and those that it is left for, until one ends by itself. */
  async #untilLost(first: Hold): Promise<void> {
    for (let held = first; ; ) {
      const reason = await Promise.race([held.gone, held.lameDuck]);
      const next = reason === undefined ? await this.#leave(held) : undefined;
      if (next === undefined) return this.#lose(held, reason ?? (await held.gone));
      held = next;
    }
  }

  #lose(held: Hold, reason: string): void {
    this.#held = undefined;
    this.#resetBackOff(held);
    if (this.#isClosed) return;
    this.#parts.tell({ kind: 'lost', purpose: this.purpose, server: held.name, reason });
    this.#each(listener => listener.lost?.(reason));
  }

  /** Servers that close every connection at once are not tried at once. */
  #resetBackOff(held: Hold): void {
    if (this.#parts.clock.monotonicMs() - held.sinceMs >= steadyMs) this.#backOff.reset();
  }

  #each(call: (listener: LinkListener) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        call(listener);
      } catch (error) {
        this.#parts.tell({ kind: 'fault', where: `a listener of the NATS connection (${this.purpose})`, error });
      }
    }
  }

  // ----------------------------------------------------------------------------------------------------- attempts

  /** Tries servers until one answers. Undefined once the link is closed or, while one is held, that one is gone. */
  async #dial(old?: Hold): Promise<Hold | undefined> {
    const isOver = () => this.#isClosed || old?.isGone === true;
    while (!isOver()) {
      await this.#pause(this.#backOff.next());
      if (isOver()) return undefined;
      const held = await this.#attempt(this.#servers.next());
      if (held === undefined) continue;
      if (!isOver() && held.serverId !== old?.serverId) return held;
      held.end('not needed');
    }
    return undefined;
  }

  async #attempt(server: Candidate): Promise<Hold | undefined> {
    try {
      const connection = await dial(server, this.#options, this.purpose, this.#parts.clock);
      return new Hold(connection, server, this.#parts.clock);
    } catch (error) {
      this.#tellFailure(hostAndPort(server), reasonOf(error));
      return undefined;
    }
  }

  #tellFailure(server: string, reason: string): void {
    if (this.#isClosed || this.#held !== undefined || this.#toldFailure === `${server} ${reason}`) return;
    this.#toldFailure = `${server} ${reason}`;
    this.#parts.tell({ kind: 'unreachable', purpose: this.purpose, server, reason });
  }

  #mute(held: Hold, subject: string): void {
    if (this.#held !== held) return; // what was left says nothing about the one that is used
    const isTold = [...this.#listeners].map(listener => listener.mute?.(subject) ?? false).includes(true);
    if (!isTold) this.#tellMute(subject);
  }

  /** Once for many subjects: those of groups begin alike. */
  #tellMute(subject: string): void {
    const beginning = subject.split('.', 2).join('.');
    if (this.#toldMute.has(beginning)) return;
    this.#toldMute.add(beginning);
    const text = `NATS: this user may not publish to ${subject}, so that what this node sends there reaches nobody; let it publish to ${beginning}.>, or to what deploy/nats/permissions.conf allows`;
    this.#parts.tell({ kind: 'warned', text });
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#parts.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  // ---------------------------------------------------------------------------------------------------- lame duck

  /** Connects elsewhere, lets the listeners move, then drops the old one. Undefined when that one is gone before. [CL-016] */
  async #leave(old: Hold): Promise<Hold | undefined> {
    this.#parts.tell({ kind: 'leaving', purpose: this.purpose, server: old.name });
    this.#resetBackOff(old);
    void old.gone.then(() => this.#wake());
    for (;;) {
      const next = await this.#dial(old);
      if (next === undefined) return undefined;
      const outcome = await Promise.race([this.#move(next.connection), old.gone, next.gone]);
      if (outcome === undefined && !old.isGone && !this.#isClosed) return this.#switch(old, next);
      next.end('not needed');
      if (old.isGone) return undefined;
    }
  }

  async #move(next: NatsConnection): Promise<void> {
    const moves = [...this.#listeners].map(listener => listener.leaving?.(next));
    await atMost(moveMs, Promise.allSettled(moves), this.#parts.clock);
  }

  #switch(old: Hold, next: Hold): Hold {
    this.#use(next);
    this.#each(listener => {
      if (listener.leaving === undefined) listener.connected(next.connection);
    });
    this.#left = old;
    this.#parts.clock.after(lingerMs, () => old.end('left'));
    return next;
  }
}
