import { describe, expect, test } from 'vitest';
import { type Lane, Lanes, queueLimits, type Traffic } from '../../../src/egress/lanes.js';

/** Sends as the transport does: at once when it may, else in its turn; a request is named, and over when the test says so. */
class Requests {
  readonly started: string[] = [];
  readonly #lanes: Lanes;
  readonly #places = new Map<string, Lane>();
  readonly waiting = new Map<string, () => void>();

  constructor(requests: number, connects = requests) {
    this.#lanes = new Lanes({ requests, connects });
  }

  get lanes(): Lanes {
    return this.#lanes;
  }

  /** False when it is refused. */
  send(name: string, hub = 'chat', traffic: Traffic = 'user', bytes = 1): boolean {
    const lane = this.#lanes.lane(hub, traffic);
    const start = () => {
      this.started.push(name);
      this.#places.set(name, lane);
    };
    if (lane.enter()) {
      start();
      return true;
    }
    const waiting = lane.wait(bytes, start);
    if (waiting !== undefined) this.waiting.set(name, () => lane.giveUp(waiting));
    return waiting !== undefined;
  }

  end(name: string): void {
    this.#places.get(name)?.leave();
  }

  /** What has started since the last look. */
  take(): string[] {
    return this.started.splice(0);
  }
}

describe('[F4] an upstream is sent so many requests at a time', () => {
  test('those beyond wait, in order', () => {
    const requests = new Requests(3);
    for (const name of ['a', 'b', 'c', 'd']) requests.send(name);
    expect(requests.take()).toEqual(['a', 'b']);
    requests.end('b');
    requests.end('a');
    expect(requests.take()).toEqual(['c', 'd']);
    expect([requests.lanes.underWay, requests.lanes.waiting]).toEqual([2, 0]);
  });

  test('one that comes when there is room does not overtake those that wait', () => {
    const requests = new Requests(1);
    for (const name of ['a', 'b']) requests.send(name);
    requests.end('a');
    requests.send('c');
    expect(requests.take()).toEqual(['a', 'b']);
    requests.end('b');
    expect(requests.take()).toEqual(['c']);
  });

  test('one that is given up while it waits is not started, and makes room', async () => {
    const requests = new Requests(1);
    for (const name of ['a', 'b', 'c', 'd']) requests.send(name);
    requests.waiting.get('c')?.();
    requests.waiting.get('d')?.();
    requests.end('a');
    requests.end('b');
    expect(requests.take()).toEqual(['a', 'b']);
    await requests.lanes.whenIdle();
  });

  test('a higher limit starts what waits, a lower one lets what is under way end', () => {
    const requests = new Requests(1);
    for (const name of ['a', 'b', 'c', 'd']) requests.send(name);
    requests.lanes.limitTo({ requests: 4 });
    expect(requests.take()).toEqual(['a', 'b', 'c']);
    requests.lanes.limitTo({ requests: 1 });
    for (const name of ['a', 'b']) requests.end(name);
    expect(requests.take()).toEqual([]);
    requests.end('c');
    expect(requests.take()).toEqual(['d']);
  });

  test('one that ends within its own start does not stop the rest', () => {
    const lanes = new Lanes({ requests: 1 });
    const lane = lanes.lane('chat', 'user');
    lane.enter();
    let started = 0;
    for (let count = 0; count < 10_000; count += 1) {
      lane.wait(0, () => {
        started += 1;
        lane.leave();
      });
    }
    lane.leave();
    expect([started, lanes.underWay, lanes.waiting]).toEqual([10_000, 0, 0]);
  });
});

describe('[F4] nobody is starved', () => {
  test('an eighth is kept free of user events, for connect and notifications', () => {
    const requests = new Requests(16);
    for (let index = 0; index < 20; index += 1) requests.send(`user ${index}`, index % 2 ? 'chat' : 'news');
    expect(requests.take()).toHaveLength(14);
    requests.send('connect', 'chat', 'connect');
    requests.send('disconnected', 'chat', 'notification');
    requests.send('connect 2', 'chat', 'connect');
    expect(requests.take()).toEqual(['connect', 'disconnected']);
  });

  test('and of any one hub’s events of one kind', () => {
    const requests = new Requests(16);
    for (let index = 0; index < 20; index += 1) requests.send(`${index}`, 'chat', 'connect');
    expect(requests.take()).toHaveLength(14);
    requests.send('other hub', 'news', 'connect');
    expect(requests.take()).toEqual(['other hub']);
  });

  test('hubs and kinds of events take turns', () => {
    const requests = new Requests(1);
    for (const name of ['a1', 'a2', 'a3', 'a4']) requests.send(name, 'a');
    for (const name of ['b1', 'b2']) requests.send(name, 'b');
    requests.send('a connect', 'a', 'connect');
    const order: string[] = [];
    for (let [name] = requests.take(); name !== undefined; [name] = requests.take()) {
      order.push(name);
      requests.end(name);
    }
    expect(order).toEqual(['a1', 'a2', 'b1', 'a connect', 'a3', 'b2', 'a4']);
  });

  test.each([2, 3, 7])('of a limit of %i one place is kept free', limit => {
    const requests = new Requests(limit);
    for (let index = 0; index < 10; index += 1) requests.send(`user ${index}`);
    expect(requests.take()).toHaveLength(limit - 1);
    requests.send('connect', 'chat', 'connect');
    expect(requests.take()).toEqual(['connect']);
  });

  test('a limit of one is one request of any kind', () => {
    const requests = new Requests(1);
    requests.send('user');
    requests.send('connect', 'chat', 'connect');
    expect(requests.take()).toEqual(['user']);
    requests.end('user');
    expect(requests.take()).toEqual(['connect']);
  });
});

describe('[CL-102] connect events', () => {
  test('of all hubs together are bounded; other events are not held up', () => {
    const requests = new Requests(16, 3);
    for (const name of ['a1', 'a2', 'a3']) requests.send(name, 'a', 'connect');
    for (const name of ['b1', 'b2']) requests.send(name, 'b', 'connect');
    requests.send('disconnected', 'b', 'notification');
    requests.send('vote', 'a', 'user');
    expect(requests.take()).toEqual(['a1', 'a2', 'a3', 'disconnected', 'vote']);
    requests.end('vote'); // its place is not one for connect events
    expect(requests.take()).toEqual([]);
    requests.end('a2');
    requests.end('a1');
    expect(requests.take()).toEqual(['b1', 'b2']);
  });

  test('of one hub start in the order in which they came', () => {
    const requests = new Requests(16, 1);
    for (let index = 0; index < 5; index += 1) requests.send(`${index}`, 'chat', 'connect');
    for (const name of ['0', '1', '2', '3']) requests.end(name);
    expect(requests.take()).toEqual(['0', '1', '2', '3', '4']);
  });

  test('a higher limit starts those that wait', () => {
    const requests = new Requests(16, 1);
    for (let index = 0; index < 5; index += 1) requests.send(`${index}`, 'chat', 'connect');
    requests.lanes.limitTo({ requests: 16, connects: 4 });
    expect(requests.take()).toEqual(['0', '1', '2', '3']);
  });
});

describe('[F4] a lane’s queue is bounded', () => {
  test.each(Object.entries(queueLimits) as [Traffic, (typeof queueLimits)[Traffic]][])(
    'by number: %s',
    (traffic, limit) => {
      const requests = new Requests(1);
      requests.send('under way', 'chat', traffic);
      for (let index = 0; index < limit.requests; index += 1) requests.send(`${index}`, 'chat', traffic, 0);
      expect(requests.send('one more', 'chat', traffic, 0)).toBe(false);
      expect(requests.send('another hub', 'news', traffic, 0)).toBe(true);
      requests.waiting.get('7')?.();
      expect(requests.send('there is room', 'chat', traffic, 0)).toBe(true);
    },
  );

  test('by bytes', () => {
    const requests = new Requests(1);
    requests.send('under way');
    const half = queueLimits.user.bytes / 2;
    for (const name of ['a', 'b']) expect(requests.send(name, 'chat', 'user', half)).toBe(true);
    expect(requests.send('c', 'chat', 'user', 1)).toBe(false);
    requests.end('under way');
    expect(requests.send('d', 'chat', 'user', half)).toBe(true);
  });
});
