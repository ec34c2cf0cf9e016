import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Notifications, type Order } from '../../../src/upstream/notifications.js';
import { settled } from '../../support/fake-ports.js';
import { ManualClock } from '../../support/manual-clock.js';

class TestOrder implements Order {
  readonly clock = new ManualClock();
  busy = 0;
  isKept = true;

  enter(): void {
    this.busy += 1;
  }

  leave(): void {
    this.busy -= 1;
  }

  whenOverdue(task: () => void): () => void {
    return this.clock.after(100_000, task);
  }
}

function setup() {
  const order = new TestOrder();
  const notifications = new Notifications(order);
  const sent: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (name: string) =>
    notifications.add(() => {
      sent.push(name);
      return new Promise<void>(resolve => ends.set(name, resolve));
    });
  const end = async (name: string) => {
    ends.get(name)?.();
    await settled();
  };
  return { order, notifications, add, end, sent };
}

describe('[F13] notifications of one connection', () => {
  test('leave one after another, the first within the call', async () => {
    const { order, add, end, sent } = setup();
    for (const name of ['connected', 'joined', 'disconnected']) add(name);
    expect([sent, order.busy]).toEqual([['connected'], 1]);
    await end('connected');
    expect(sent).toEqual(['connected', 'joined']);
    await end('joined');
    await end('disconnected');
    expect([sent, order.busy, order.clock.pending]).toEqual([['connected', 'joined', 'disconnected'], 0, 0]);
    add('later');
    expect(sent.at(-1)).toBe('later');
  });

  test('wait no longer for their turn than an event may take', async () => {
    const { order, add, end, sent } = setup();
    add('connected');
    await order.clock.advanceAsync(60_000);
    add('disconnected');
    await order.clock.advanceAsync(99_999);
    expect(sent).toEqual(['connected']);
    await order.clock.advanceAsync(1);
    expect(sent).toEqual(['connected', 'disconnected']);
    await end('disconnected');
    await end('connected');
    expect([order.busy, order.clock.pending]).toEqual([0, 0]);
  });

  test('go at once when no order is kept any more', async () => {
    const { order, add, end, sent } = setup();
    for (const name of ['a', 'b', 'c']) add(name);
    order.isKept = false;
    await end('a');
    expect([sent, order.busy]).toEqual([['a', 'b', 'c'], 0]);
  });

  test('[F2] very many that fail at once leave the event loop its turns', async () => {
    const order = new TestOrder();
    const notifications = new Notifications(order);
    let sent = 0;
    const send = async () => {
      sent += 1;
    };
    const sentByTurn: number[] = [];
    for (let count = 0; count < 200; count += 1) notifications.add(send);
    while (order.busy > 0) {
      await setImmediate();
      sentByTurn.push(sent);
    }
    expect(sentByTurn[0]).toBeLessThan(100);
    expect(sentByTurn.at(-1)).toBe(200);
  });
});

test('whoever waits for the notifications so far waits for those that come meanwhile too', async () => {
  const { add, end, notifications } = setup();
  expect(notifications.whenSent()).toBeUndefined();
  const done: string[] = [];
  add('connected');
  for (const name of ['one', 'other']) void notifications.whenSent()?.then(() => done.push(name));
  add('joined');
  await end('connected');
  expect(done).toEqual([]);
  await end('joined');
  expect(done).toEqual(['one', 'other']);
  expect(notifications.whenSent()).toBeUndefined();
});
