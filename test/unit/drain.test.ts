import { describe, expect, test } from 'vitest';
import { closeInWaves, Drain, restartWaves } from '../../src/drain.js';
import { endings } from '../../src/hub/endings.js';
import { type FakeClient, TestNode } from '../support/fake-ports.js';

/** A node with so many clients, that is drained when the test says so. */
function nodeWith(count: number, drainMs = 10_000, random = () => 0.5) {
  const node = new TestNode();
  const clients = Array.from({ length: count }, () => node.open());
  let isDone = false;
  let becomesIdle = () => {};
  const idle = new Promise<void>(resolve => {
    becomesIdle = resolve;
  });
  const drain = () =>
    new Drain({ hubs: node.hubs, clock: node.clock, drainMs, whenIdle: () => idle, random }).run().finally(() => {
      isDone = true;
    });
  return { node, clients, drain, becomesIdle: () => becomesIdle(), isDone: () => isDone };
}

const closed = (clients: readonly FakeClient[]) => clients.filter(({ outlet }) => outlet.closed !== undefined).length;

/** Lets time pass until the drain is over; how many clients each wave closed, and how long after the one before. */
async function waves(started: ReturnType<typeof nodeWith>): Promise<{ closed: number; afterMs: number }[]> {
  const { node, clients, drain, becomesIdle, isDone } = started;
  const seen: { closed: number; afterMs: number }[] = [];
  let [before, lastMs] = [0, node.clock.monotonicMs()];
  const done = drain();
  becomesIdle();
  const look = () => {
    const [now, nowMs] = [closed(clients), node.clock.monotonicMs()];
    if (now === before) return;
    seen.push({ closed: now - before, afterMs: nowMs - lastMs });
    [before, lastMs] = [now, nowMs];
  };
  for (await node.clock.advanceAsync(0); !isDone(); await node.clock.advanceAsync(10)) look();
  await done;
  look();
  return seen;
}

describe('[design 5] a drain', () => {
  test('closes up to 100 clients at once, with 1001, and what plain ones are told', async () => {
    const started = nodeWith(100);
    expect(await waves(started)).toEqual([{ closed: 100, afterMs: 0 }]);
    const [client] = started.clients;
    expect(client?.outlet.closed).toEqual({ code: 1001, reason: '' });
    expect(client?.heard().join()).toContain(endings.shuttingDown.reason);
  });

  test('closes more in waves of at least 100, half a second apart', async () => {
    expect(await waves(nodeWith(250))).toEqual([
      { closed: 100, afterMs: 0 },
      { closed: 100, afterMs: 500 },
      { closed: 50, afterMs: 500 },
    ]);
  });

  test('closes many in 20 waves, over the time that it has', async () => {
    const seen = await waves(nodeWith(4_000, 2_000));
    expect(seen.map(wave => wave.closed)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(seen.slice(1).every(({ afterMs }) => afterMs === 100)).toBe(true);
  });

  test('spreads the waves by half of their distance, and is over in time whatever the dice say', async () => {
    const dice = [0, 0.999];
    const early = await waves(nodeWith(300, 10_000, () => dice.shift() ?? 0));
    expect(early.map(({ afterMs }) => afterMs)).toEqual([0, 250, 750]);
    const late = await waves(nodeWith(4_000, 2_000, () => 0.999));
    expect(late.reduce((total, { afterMs }) => total + afterMs, 0)).toBeLessThanOrEqual(2_000);
    expect(late.reduce((total, wave) => total + wave.closed, 0)).toBe(4_000);
  });

  test('counts the clients of all hubs', async () => {
    const started = nodeWith(0);
    const { node, clients } = started;
    for (let hub = 0; hub < 3; hub += 1) {
      for (let count = 0; count < 50; count += 1) clients.push(node.open({ hub: `hub${hub}` }));
    }
    expect((await waves(started)).map(wave => wave.closed)).toEqual([100, 50]);
  });
});

const vote = { type: 'event', event: 'vote', dataType: 'text', data: 'x', ackId: 1 };

describe('[design 5] a client that has a request under way', () => {
  test('is closed when that is answered; it begins no other, and does not hold up those after it', async () => {
    const { node, clients, drain, becomesIdle } = nodeWith(150);
    const busy = clients[0]!;
    busy.say(vote);
    const done = drain();
    await node.clock.advanceAsync(0);
    expect([closed(clients), busy.outlet.closed]).toEqual([99, undefined]);
    busy.say({ ...vote, event: 'later', ackId: 2 });
    await busy.session.answer();
    expect(busy.session.history.slice(2)).toEqual(['vote']);
    await node.clock.advanceAsync(500);
    becomesIdle();
    await done;
    expect([closed(clients), busy.heard()[0]]).toEqual([150, '{"type":"ack","ackId":1,"success":true}']);
  });

  test('is closed without its answer when the time is up', async () => {
    const { node, clients, drain, isDone } = nodeWith(10, 3_000);
    clients[0]!.say(vote);
    const done = drain();
    await node.clock.advanceAsync(2_999);
    expect([closed(clients), isDone()]).toEqual([0, false]);
    await node.clock.advanceAsync(1);
    await done;
    expect(closed(clients)).toBe(10);
  });
});

test('[design 5] clients are served until their wave comes', async () => {
  const { node, clients, drain, becomesIdle } = nodeWith(250);
  const done = drain();
  await node.clock.advanceAsync(600);
  const last = clients[249]!;
  last.say({ type: 'joinGroup', group: 'g', ackId: 7 });
  expect(last.heard()[0]).toContain('"ackId":7');
  becomesIdle();
  await node.clock.advanceAsync(10_000);
  await done;
});

test('[design 5] no time at all: all are closed at once', async () => {
  const { node, clients, drain } = nodeWith(300, 0);
  const done = drain();
  await node.clock.advanceAsync(0);
  await done;
  expect(closed(clients)).toBe(300);
});

test('a restart closes those who are there, 50 ms apart', async () => {
  const { node, clients } = nodeWith(250);
  const done = closeInWaves(node.hubs, node.clock, restartWaves);
  await node.clock.advanceAsync(0);
  expect(closed(clients)).toBe(100);
  await node.clock.advanceAsync(50);
  expect(closed(clients)).toBe(200);
  await node.clock.advanceAsync(50);
  await done;
  expect(closed(clients)).toBe(250);
});
