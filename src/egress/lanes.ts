/** What a request is for. Each kind of each hub has a lane of its own to every upstream. */
export type Traffic = 'connect' | 'notification' | 'user';

/** Requests under way to one upstream at the same time, and `connect` events among them, unless the configuration says otherwise. */
export const defaultMaxConcurrent = 128;
export const defaultConnectsInFlight = 100;

/** How many requests may be under way to one upstream: at least 1. */
export interface RequestLimits {
  readonly requests: number;
  /** `connect` events among them, of all hubs; left out: as many. At least 1. [cluster 9] */
  readonly connects?: number;
}

interface QueueLimit {
  readonly requests: number;
  /** Of bodies. */
  readonly bytes: number;
}

const mebibyte = 1024 * 1024;

/**
 * What may wait in one lane. A notification cannot be repeated by its client, so more of them may wait; how many there
 * are is bounded by the connections.
 */
export const queueLimits: Readonly<Record<Traffic, QueueLimit>> = {
  connect: { requests: 10_000, bytes: 32 * mebibyte },
  notification: { requests: 100_000, bytes: 32 * mebibyte },
  user: { requests: 10_000, bytes: 32 * mebibyte },
};

/** How long one may wait in its lane, in milliseconds; others as long as their event may take. [cluster 9] */
export const longestWaitMs: Readonly<Partial<Record<Traffic, number>>> = { connect: 10_000 };

/** This share of an upstream's requests, and at least one of several, is kept free of any one lane, and of the user events of all hubs together. */
const reservedShare = 1 / 8;

/** A request that waits, as a link of its lane's chain. */
export interface Waiting {
  readonly bytes: number;
  /** Its turn has come; it has been counted. */
  readonly start: () => void;
  readonly lane: Lane;
  previous: Waiting | undefined;
  next: Waiting | undefined;
}

/**
 * How many requests one upstream is sent at a time, and which is next: lanes that have something waiting take turns, so
 * no hub and no kind of event delays another.
 */
export class Lanes {
  readonly #lanes: Readonly<Record<Traffic, Map<string, Lane>>> = {
    connect: new Map(),
    notification: new Map(),
    user: new Map(),
  };
  /** Those with something waiting, the next one first. */
  readonly #turns: Lane[] = [];
  #limit = 0;
  /** Of any one lane. */
  #mostOfLane = 0;
  /** Of the lanes of all hubs together. */
  #most: Readonly<Record<Traffic, number>> = { connect: 0, notification: 0, user: 0 };
  #underWay = 0;
  readonly #underWayOf: Record<Traffic, number> = { connect: 0, notification: 0, user: 0 };
  #isStarting = false;
  #idle: (() => void)[] = [];

  constructor(limits: RequestLimits) {
    this.limitTo(limits);
  }

  /** Applies from the next request on; those under way go on. */
  limitTo({ requests, connects = requests }: RequestLimits): void {
    const most = requests - (requests === 1 ? 0 : Math.max(1, Math.floor(requests * reservedShare)));
    this.#limit = requests;
    this.#mostOfLane = most;
    this.#most = { connect: connects, notification: requests, user: most };
    this.#startWaiting();
  }

  get underWay(): number {
    return this.#underWay;
  }

  get waiting(): number {
    return this.#turns.reduce((total, lane) => total + lane.waiting, 0);
  }

  lane(hub: string, traffic: Traffic): Lane {
    const lanes = this.#lanes[traffic];
    let lane = lanes.get(hub);
    if (lane === undefined) {
      lane = new Lane(this, traffic);
      lanes.set(hub, lane);
    }
    return lane;
  }

  /** Resolves when nothing is under way and nothing waits. */
  whenIdle(): Promise<void> {
    if (this.#underWay === 0 && this.waiting === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#idle.push(resolve);
    });
  }

  /** For its lanes: may one more of this lane be under way? Counts it when so. */
  admit(lane: Lane): boolean {
    const { traffic } = lane;
    if (this.#underWay >= this.#limit || lane.underWay >= this.#mostOfLane) return false;
    if (this.#underWayOf[traffic] >= this.#most[traffic]) return false;
    this.#underWayOf[traffic] += 1;
    this.#underWay += 1;
    return true;
  }

  /** For its lanes: one is over. */
  release(lane: Lane): void {
    this.#underWay -= 1;
    this.#underWayOf[lane.traffic] -= 1;
    if (this.#turns.length > 0) this.#startWaiting();
    this.#tellWhenIdle();
  }

  /** For its lanes: this one has something waiting now. */
  queue(lane: Lane): void {
    this.#turns.push(lane);
  }

  /** For its lanes: nothing of this one waits any more. */
  unqueue(lane: Lane): void {
    this.#turns.splice(this.#turns.indexOf(lane), 1);
    this.#tellWhenIdle();
  }

  #tellWhenIdle(): void {
    if (this.#idle.length === 0 || this.#underWay > 0 || this.#turns.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** A request that fails while it is started frees its place within the call: the loop below then goes on by itself. */
  #startWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      for (let refused = 0; refused < this.#turns.length && this.#underWay < this.#limit; ) {
        const lane = this.#turns.shift()!;
        this.#turns.push(lane);
        refused = lane.startNext() ? 0 : refused + 1;
      }
    } finally {
      this.#isStarting = false;
    }
  }
}

/** The requests of one hub and one kind to one upstream, in order. */
export class Lane {
  readonly traffic: Traffic;
  readonly #lanes: Lanes;
  #underWay = 0;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #waiting = 0;
  #waitingBytes = 0;

  constructor(lanes: Lanes, traffic: Traffic) {
    this.#lanes = lanes;
    this.traffic = traffic;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Counts a request as under way, when it may be: then it must `leave` once it is over. */
  enter(): boolean {
    if (this.#first !== undefined || !this.#lanes.admit(this)) return false;
    this.#underWay += 1;
    return true;
  }

  leave(): void {
    this.#underWay -= 1;
    this.#lanes.release(this);
  }

  /** Puts a request at the end of the queue; undefined when the queue is full. It must `leave` once it has started and is over. */
  wait(bytes: number, start: () => void): Waiting | undefined {
    const limit = queueLimits[this.traffic];
    if (this.#waiting >= limit.requests || this.#waitingBytes + bytes > limit.bytes) return undefined;
    const waiting: Waiting = { bytes, start, lane: this, previous: this.#last, next: undefined };
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
    this.#waiting += 1;
    this.#waitingBytes += bytes;
    if (this.#waiting === 1) this.#lanes.queue(this);
    return waiting;
  }

  /** Takes one that waits out of the queue. */
  giveUp(waiting: Waiting): void {
    this.#unlink(waiting);
  }

  /** Starts the first one that waits, when it may be under way. */
  startNext(): boolean {
    const first = this.#first;
    if (first === undefined || !this.#lanes.admit(this)) return false;
    this.#underWay += 1;
    this.#unlink(first);
    first.start();
    return true;
  }

  #unlink(waiting: Waiting): void {
    const { previous, next, bytes } = waiting;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // An old link would keep alive what came after it, which the garbage collector would then treat as old too.
    waiting.previous = undefined;
    waiting.next = undefined;
    this.#waiting -= 1;
    this.#waitingBytes -= bytes;
    if (this.#waiting === 0) this.#lanes.unqueue(this);
  }
}
