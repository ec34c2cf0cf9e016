import type { NatsConnection } from '@nats-io/transport-node';
import { atMost, type Clock, wait } from '../../clock.js';
import type { Turn } from '../../hub/ports.js';
import type { Link } from '../../nats/link.js';
import type { Bus } from './bus.js';
import { HeldEvents } from './held-events.js';
import { NatsChannel } from './nats-channel.js';
import type { Peer } from './peers.js';

export interface AttendanceParts {
  readonly bus: Bus;
  readonly link: Link;
  readonly clock: Clock;
  readonly turn: Turn;
  /** For how long a new node introduces itself before it takes part: every other node has said hello by then. */
  readonly settleMs: number;
}

const tickMs = 1_000;
/** A node that is new on its connection says so this often. */
const introductionMs = 100;
/** How long nodes that were there before are waited for: what was kept while NATS was away is for them too. */
const returnMs = 3_000;
/** Between two attempts to subscribe to what was refused: permissions may be given while the connection stays. */
const permittedAgainMs = 2_000;
/** For how long an end waits until what was kept is sent. */
const hurryMs = 2_000;

/** This node's part in the bus: from each connection's beginning to its end. [cluster 3.5] */
export class Attendance {
  readonly #parts: AttendanceParts;
  #cancelTick = () => {};
  #isEnded = false;
  #hasTakenPart = false;
  #ready = () => {};
  /** Nodes that took part when the connection was lost. */
  #awaited: readonly Peer[] = [];
  /** The connection that is being left. */
  #left: NatsChannel | undefined;

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
  }

  /** It takes part, or did before its connection was lost: it knows the others. */
  get hasTakenPart(): boolean {
    return this.#hasTakenPart;
  }

  /** Settles once this node takes part, however long that takes. @throws as a rejection when the link is closed before */
  async start(): Promise<void> {
    const { link } = this.#parts;
    const isReady = new Promise<void>(resolve => {
      this.#ready = resolve;
    });
    const { bus } = this.#parts;
    bus.onExcluded = (operation, subject) => link.renew(`this node may not ${operation} to ${subject} any more`);
    link.listen({
      connected: connection => void this.#connected(connection),
      lost: () => this.#lost(),
      leaving: next => this.#move(next),
      mute: subject => bus.mute(subject),
    });
    await link.start();
    await isReady;
  }

  /** Tells the others, and ends the connection. */
  async end(): Promise<void> {
    const { bus, link, clock } = this.#parts;
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelTick();
    bus.batches.flush();
    await atMost(hurryMs, bus.outgoing.hurry(), clock);
    bus.sayBye();
    bus.channel?.end();
    await link.close();
    this.#lost();
    this.#ready(); // whoever still waits for the start
  }

  async #connected(connection: NatsConnection): Promise<void> {
    const { bus } = this.#parts;
    this.#lost();
    const channel = new NatsChannel(connection, bus, this.#parts);
    bus.channel = channel;
    bus.isNew = true;
    bus.deafTo.clear();
    this.#subscribe(channel);
    await this.#untilHeard(channel, connection);
    if (bus.channel !== channel) return;
    await this.#untilKnown(channel, connection);
    if (bus.channel !== channel) return;
    bus.outgoing.attach(channel);
    bus.barriers.hold();
    await this.#introduce(channel);
    await this.#meet(channel);
    if (bus.channel === channel) this.#takePart();
  }

  /** The first barrier of the connection, again and again until all who were there before it are back, for a limited time. */
  async #meet(channel: NatsChannel): Promise<void> {
    const { bus, clock } = this.#parts;
    const untilMs = clock.monotonicMs() + returnMs;
    const isBack = () => this.#awaited.every(({ state }) => state === 'present');
    while (bus.channel === channel) {
      await bus.barriers.passNow(bus.requestBy((...sent) => bus.outgoing.sendAtOnce(...sent))).catch(() => {});
      if (isBack() || clock.monotonicMs() >= untilMs) return;
      await this.#introduce(channel);
    }
  }

  /** What is for this node itself comes last: whoever reaches it there reaches all the rest. All leave in one write. */
  #subscribe(channel: NatsChannel): void {
    const { subjects, interests } = this.#parts.bus;
    channel.subscribe(subjects.ownConnections);
    interests.subscribeAll();
    channel.subscribe(subjects.all);
    channel.subscribe(subjects.own);
  }

  /**
   * Settles once the server has taken all subscriptions. Those that it refuses are tried again for as long as the connection lasts:
   * who does not hear the others must not let them believe that it does. [CL-034]
   */
  async #untilHeard(channel: NatsChannel, connection: NatsConnection): Promise<void> {
    const { bus, clock } = this.#parts;
    const isOver = async () => {
      await unlessLost(connection, channel.flush());
      return bus.channel !== channel || bus.deafTo.size === 0;
    };
    if (await isOver()) return;
    bus.tellExcluded('subscribe');
    for (;;) {
      await wait(permittedAgainMs, clock);
      if (bus.channel !== channel) return;
      const [first, ...others] = bus.deafTo;
      bus.deafTo.clear();
      this.#subscribeAgain(channel, [first!]); // one is enough to find out, and there may be many
      if (await isOver()) {
        if (bus.channel !== channel) return;
        this.#subscribeAgain(channel, others);
        if (await isOver()) return;
      } else for (const subject of others) bus.deafTo.add(subject);
    }
  }

  /**
   * Settles once the server lets this node publish what others know of it by. It is tried again for as long as the connection lasts:
   * what its clients send would not reach those of other nodes, which would not wait for it either.
   */
  async #untilKnown(channel: NatsChannel, connection: NatsConnection): Promise<void> {
    const { bus, clock } = this.#parts;
    for (let isTold = false; ; isTold = true) {
      bus.tryHello((subject, bytes) => channel.publish(subject, bytes));
      // A refusal has come before the first answer, and is reported a moment after it.
      await unlessLost(
        connection,
        channel.flush().then(() => channel.flush()),
      );
      if (bus.channel !== channel || bus.muteTo.size === 0) return;
      if (!isTold) bus.tellExcluded('publish');
      await wait(permittedAgainMs, clock);
      if (bus.channel !== channel) return;
    }
  }

  /** To what was refused, as far as it is still needed. */
  #subscribeAgain(channel: NatsChannel, refused: readonly string[]): void {
    const { subjects, interests } = this.#parts.bus;
    for (const subject of refused) {
      if (subjects.isNodes(subject)) channel.subscribe(subject);
      else interests.subscribeAgain(subject);
    }
  }

  async #introduce(channel: NatsChannel): Promise<void> {
    const { bus, clock, settleMs } = this.#parts;
    const untilMs = clock.monotonicMs() + (this.#hasTakenPart ? introductionMs : settleMs);
    while (bus.channel === channel && clock.monotonicMs() < untilMs) {
      bus.sayHello(true);
      await wait(introductionMs, clock);
    }
  }

  #takePart(): void {
    const { bus } = this.#parts;
    this.#hasTakenPart = true;
    this.#awaited = [];
    bus.hears();
    bus.outgoing.open();
    bus.barriers.open();
    bus.interests.open();
    this.#cancelTick();
    this.#tick();
    this.#ready();
  }

  /**
   * To another server, without a gap: what comes by the new connection is held back until what was sent before has come by the
   * old one, and nothing is sent by the new one before all have what was sent by the old. [CL-016]
   */
  async #move(next: NatsConnection): Promise<void> {
    const { bus } = this.#parts;
    if (bus.isNew) return this.#connected(next); // it has not introduced itself yet, which begins anew there
    const old = this.#left ?? bus.channel;
    if (old === undefined) return;
    if (bus.channel !== old) bus.channel?.end(); // of a move that did not come to its end
    const held = new HeldEvents(bus);
    const channel = new NatsChannel(next, held, this.#parts);
    this.#left = old;
    old.isAtOnce = true;
    bus.channel = channel;
    this.#subscribe(channel);
    bus.outgoing.hold();
    bus.barriers.hold();
    const ways = [channel, old].map(way => bus.barriers.passNow(bus.requestBy((...sent) => way.publish(...sent))));
    await unlessLost(next, Promise.all(ways));
    if (bus.channel !== channel) return;
    if (next.isClosed()) return this.#stay(old);
    old.end();
    this.#left = undefined;
    bus.outgoing.move(channel);
    held.release();
    this.#takePart();
  }

  /** The other server has ended before: the old connection is the one that there is. */
  #stay(old: NatsChannel): void {
    const { bus } = this.#parts;
    this.#left = undefined;
    old.isAtOnce = false;
    bus.channel = old;
    bus.interests.subscribeAll(); // what came meanwhile; what is subscribed twice is told apart by number
    this.#takePart();
  }

  #lost(): void {
    const { bus } = this.#parts;
    if (bus.channel === undefined) return;
    if (!bus.isNew) this.#awaited = bus.peers.in('present');
    this.#cancelTick();
    this.#left?.end();
    this.#left = undefined;
    bus.channel.end();
    bus.channel = undefined;
    bus.outgoing.lose();
    bus.barriers.lose();
  }

  #tick(): void {
    const { bus, clock } = this.#parts;
    if (this.#isEnded) return;
    bus.sayHello(false);
    bus.peers.tick();
    this.#cancelTick = clock.after(tickMs, () => this.#tick());
  }
}

/** Settles with the work, however it ends, or once the connection is lost, which is told too: the work may not end then. */
async function unlessLost(connection: NatsConnection, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, connection.closed()]).catch(() => {});
}
