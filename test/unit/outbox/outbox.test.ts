import { describe, expect, test, vi } from 'vitest';
import { openStore } from '../../../src/outbox/open-store.js';
import type { DeliveryResult, EndpointOptions, EndpointStatus } from '../../../src/outbox/ports.js';
import type { OutboxStore } from '../../../src/outbox/store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { delivered, failed, hang, OutboxRig, turnOf } from '../../support/outbox.js';
import { envelopeFor } from '../../support/outbox-contract.js';

const many = (count: number, endpoint: string) => Array.from({ length: count }, () => envelopeFor(endpoint));

async function statusOf({ outbox }: OutboxRig, endpoint: string): Promise<EndpointStatus> {
  return (await outbox.status()).find(status => status.endpoint === endpoint)!;
}

describe('first attempts', () => {
  test('leave in order of acceptance, and what is delivered is gone', async () => {
    const rig = await OutboxRig.start({ a: {} });
    const envelopes = many(30, 'a');
    await rig.outbox.accept(envelopes.slice(0, 10));
    await rig.outbox.accept(envelopes.slice(10));
    await rig.pass(0);
    expect(rig.idsTo('a')).toEqual(envelopes.map(({ id }) => id));
    expect((await statusOf(rig, 'a')).depth).toEqual({ ready: 0, delayed: 0, inFlight: 0, dead: 0 });
    expect(rig.clock.pending).toBe(0);
  });

  test('are at most eight at a time per endpoint, or as many as it allows, and 64 in all', async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `e${index}`);
    const rig = await OutboxRig.start({
      a: {},
      b: { maxConcurrency: 2 },
      ...Object.fromEntries(ids.map(id => [id, {}])),
    });
    rig.answer = hang;
    await rig.outbox.accept([...many(20, 'a'), ...many(20, 'b')]);
    await rig.pass(0);
    expect([rig.idsTo('a').length, rig.idsTo('b').length]).toEqual([8, 2]);
    await rig.outbox.accept(ids.flatMap(id => many(20, id)));
    await rig.pass(0);
    expect(rig.deliveries).toHaveLength(64);
  });

  test('tell how long the oldest one has waited, whatever the wall clock does', async () => {
    const rig = await OutboxRig.start({ a: { enabled: false } });
    expect(await rig.outbox.oldestReadyAgeMs()).toBeUndefined();
    await rig.outbox.accept(many(2, 'a'));
    await rig.pass(2_000);
    await rig.outbox.accept(many(1, 'a'));
    rig.clock.stepWall(-60_000);
    expect(await rig.outbox.oldestReadyAgeMs()).toBe(2_000);
  });

  test('keep to a rate, a second’s worth at once', async () => {
    const rig = await OutboxRig.start({ a: { rateLimitPerSecond: 2 } });
    await rig.outbox.accept(many(5, 'a'));
    await rig.pass(2_000);
    expect(rig.atSeconds).toEqual([0, 0, 0.5, 1, 1.5]);
  });
});

describe('retries', () => {
  test('[PW-047] an endpoint that fails three times, then succeeds, gets four requests with the same id and content', async () => {
    const rig = await OutboxRig.start({ a: {} });
    rig.answer = ({ attempt }) => (attempt <= 3 ? failed : delivered);
    const envelope = envelopeFor('a');
    await rig.outbox.accept([envelope]);
    await rig.pass(600_000);
    expect(rig.deliveries.map(delivery => delivery.envelope)).toEqual(Array(4).fill(envelope));
    expect(rig.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(rig.atSeconds).toEqual([0, 1, 3, 7]);
    expect(rig.told).toEqual([
      'accepted 1',
      ...[1, 2, 3].map(attempt => `attempted a ${attempt} retried`),
      'attempted a 4 delivered',
    ]);
  });

  test('a step of the wall clock neither hurries nor delays them', async () => {
    const rig = await OutboxRig.start({ a: { profile: 'sockudo' } });
    const waits: number[] = [];
    let lastMs = rig.clock.monotonicMs();
    rig.answer = () => {
      waits.push(rig.clock.monotonicMs() - lastMs);
      lastMs = rig.clock.monotonicMs();
      rig.clock.stepWall(waits.length % 2 === 0 ? 7_200_000 : -3_600_000);
      return failed;
    };
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(60_000);
    expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000]);
  });

  test('a deliverer that throws has failed', async () => {
    const rig = await OutboxRig.start({ a: {} });
    rig.answer = () => {
      throw new Error('no such app');
    };
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(0);
    expect(rig.outbox.attempts('a')).toMatchObject([{ outcome: 'failed', reason: 'no such app', attempt: 1 }]);
  });

  test('[PW-054] follow Retry-After within its bounds', async () => {
    const rig = await OutboxRig.start({ a: {} });
    rig.answer = ({ attempt }) =>
      attempt === 2
        ? { ...failed, outcome: 'failed', reason: 'HTTP 429', retryAfterMs: 3_000 }
        : attempt > 2
          ? delivered
          : failed;
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(10_000);
    expect(rig.atSeconds).toEqual([0, 1, 4]);
  });

  test('are rows, not timers: a thousand that wait need one timer', async () => {
    const rig = await OutboxRig.start({ a: { circuitBreaker: false } });
    rig.answer = () => failed;
    await rig.outbox.accept(many(1_000, 'a'));
    for (let attempts = 0; attempts < 1_000; attempts += 20) await rig.pass(0); // one at a time: it is suspect
    expect((await statusOf(rig, 'a')).depth.delayed).toBe(1_000);
    expect(rig.clock.pending).toBe(1);
  });
});

describe('a dead endpoint', () => {
  test.each([
    ['fails', () => failed],
    ['hangs', hang],
  ])('[PW-055] that %s with a thousand envelopes does not delay another one', async (_how, answer) => {
    const rig = await OutboxRig.start({ dead: {}, live: {} });
    rig.answer = delivery => (delivery.envelope.endpoint === 'dead' ? answer(delivery) : delivered);
    await rig.outbox.accept(many(1_000, 'dead'));
    await rig.pass(500);
    await rig.outbox.accept(many(100, 'live'));
    await rig.pass(0);
    expect(rig.idsTo('live')).toHaveLength(100);
  });

  test('gets one attempt at a time while it fails', async () => {
    const rig = await OutboxRig.start({ a: { circuitBreaker: false } });
    rig.answer = () => failed;
    await rig.outbox.accept(many(3, 'a'));
    await rig.pass(0);
    rig.answer = hang;
    await rig.outbox.accept(many(20, 'a'));
    await rig.pass(5_000);
    expect((await statusOf(rig, 'a')).depth.inFlight).toBe(1);
  });

  test('and all others that fail leave half of the room to those that do not', async () => {
    const dead = Array.from({ length: 70 }, (_, index) => `dead${index}`);
    const options = { circuitBreaker: false };
    const rig = await OutboxRig.start({ live: {}, ...Object.fromEntries(dead.map(id => [id, options])) });
    rig.answer = () => failed;
    await rig.outbox.accept(dead.flatMap(id => many(3, id)));
    await rig.pass(0);
    await rig.pass(0);
    rig.answer = delivery => (delivery.envelope.endpoint === 'live' ? delivered : hang(delivery));
    await rig.pass(10_000);
    const depths = (await rig.outbox.status()).map(({ depth }) => depth.inFlight);
    expect(depths.reduce((sum, inFlight) => sum + inFlight, 0)).toBe(32);
    await rig.outbox.accept(many(100, 'live'));
    await rig.pass(0);
    expect(rig.idsTo('live')).toHaveLength(100);
  });

  test('with an open circuit gets one attempt every 30 s, and all at once when one succeeds', async () => {
    const rig = await OutboxRig.start({ a: {} });
    rig.answer = () => failed;
    await rig.outbox.accept(many(50, 'a'));
    await rig.pass(0);
    expect(rig.deliveries.length).toBeLessThan(20);
    expect(rig.told.filter(line => line.startsWith('circuit'))).toEqual(['circuit a open']);
    rig.deliveries.length = 0;
    await rig.pass(65_000);
    expect(rig.atSeconds).toEqual([30, 60]);
    rig.answer = () => delivered;
    await rig.pass(30_000);
    await rig.pass(60_000);
    expect(rig.told).toContain('circuit a closed');
    expect((await statusOf(rig, 'a')).depth).toMatchObject({ ready: 0, delayed: 0 });
  });

  test('that fails for long enough is disabled: what it is due becomes dead letters, until it is enabled', async () => {
    const rig = await OutboxRig.start({
      a: { disableAfterHours: 1, profile: { delaysMs: [1_000_000], budgetMs: 36_000_000 } },
    });
    rig.answer = () => failed;
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(3_599_000);
    expect((await statusOf(rig, 'a')).state).toBe('enabled');
    await rig.pass(1_001_000);
    expect(await statusOf(rig, 'a')).toMatchObject({ state: 'disabled', depth: { dead: 0, delayed: 1 } });
    await rig.outbox.accept(many(2, 'a'));
    await rig.pass(0);
    const letters = await rig.outbox.deadLetters();
    expect(letters.map(({ reason }) => reason)).toEqual(['endpoint_disabled', 'endpoint_disabled']);
    expect(rig.told).toContain('disabled a every attempt has failed for 1 hours');
    rig.answer = () => delivered;
    await rig.outbox.enable('a');
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(0);
    expect(rig.told.at(-1)).toBe('attempted a 1 delivered');
    expect((await statusOf(rig, 'a')).state).toBe('enabled');
  });
});

describe('dead letters', () => {
  test('[PW-050] an exhausted envelope is one, with its reason and attempts', async () => {
    const rig = await OutboxRig.start({ a: { profile: 'sockudo' } });
    rig.answer = () => failed;
    const envelope = envelopeFor('a');
    await rig.outbox.accept([envelope]);
    await rig.pass(60_000);
    const letter = await rig.outbox.deadLetter(envelope.id);
    expect(letter).toMatchObject({ ...envelope, reason: 'exhausted: HTTP 500', attempts: 6 });
    expect(letter?.history.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await statusOf(rig, 'a')).depth.dead).toBe(1);
    expect(rig.told.slice(-2)).toEqual(['attempted a 6 dead', 'dead a exhausted: HTTP 500']);
  });

  test('a refused envelope is one at once; the endpoint is disabled where that is said', async () => {
    const rig = await OutboxRig.start({ a: {} });
    const answers = [{ reason: 'blocked_address' }, { reason: 'gone', disablesEndpoint: true }];
    rig.answer = () => ({ outcome: 'refused', ...answers.shift()! });
    for (const state of ['enabled', 'disabled']) {
      await rig.outbox.accept(many(1, 'a'));
      await rig.pass(0);
      expect((await statusOf(rig, 'a')).state).toBe(state);
    }
    expect((await rig.outbox.deadLetters()).map(({ reason }) => reason)).toEqual(['gone', 'blocked_address']);
    expect(rig.told).toContain('disabled a gone');
  });

  test('an envelope that cannot be re-stamped, as of a later version, is a dead letter, and holds up nobody', async () => {
    const restamp = () => {
      throw new Error('the stored webhook has version 2');
    };
    const rig = await OutboxRig.start({ a: {} }, { restamp });
    rig.answer = () => ({ outcome: 'refused', reason: 'refused' });
    await rig.outbox.accept(many(70, 'a'));
    await rig.pass(0);
    rig.answer = () => {
      throw new Error('the stored webhook has version 2');
    };
    await rig.outbox.replay({ endpoint: 'a' });
    await rig.pass(86_400_000);
    rig.answer = () => delivered;
    rig.deliveries.length = 0;
    const [good] = many(1, 'a');
    await rig.outbox.accept([good!]);
    await rig.pass(0);
    expect(rig.idsTo('a')).toEqual([good!.id]);
    expect((await statusOf(rig, 'a')).depth).toMatchObject({ inFlight: 0, dead: 70 });
    expect((await rig.outbox.deadLetters())[0]?.reason).toBe('exhausted: the stored webhook has version 2');
  });

  test('[PW-052] a replay is re-stamped once, keeps its id, and gets all its attempts again', async () => {
    let stamps = 0;
    const rig = await OutboxRig.start(
      { a: { profile: 'sockudo' } },
      {
        restamp: (envelope, createdAtMs) => {
          stamps += 1;
          return { ...envelope, createdAtMs };
        },
      },
    );
    rig.answer = () => ({ outcome: 'refused', reason: 'blocked_address' });
    const envelope = envelopeFor('a');
    await rig.outbox.accept([envelope]);
    await rig.pass(1_000);
    rig.answer = ({ attempt }) => (attempt < 3 ? failed : delivered);
    rig.deliveries.length = 0;
    const replayedAtMs = rig.clock.now();
    expect(await rig.outbox.replay({ endpoint: 'a' })).toEqual([envelope.id]);
    await rig.pass(10_000);
    expect(rig.deliveries.map(({ envelope: { id, createdAtMs }, attempt }) => [id, createdAtMs, attempt])).toEqual(
      [1, 2, 3].map(attempt => [envelope.id, replayedAtMs, attempt]),
    );
    expect(stamps).toBe(1);
    expect(await rig.outbox.deadLetters()).toEqual([]);
  });

  test('those of an endpoint that was removed come from what waits', async () => {
    const rig = await OutboxRig.start({ a: { enabled: false } });
    await rig.outbox.accept(many(2, 'a'));
    rig.endpoints.delete('a');
    await rig.outbox.refresh();
    expect(await statusOf(rig, 'a')).toMatchObject({ state: 'unknown', depth: { ready: 2 } });
    expect(await rig.outbox.deadLetterAll('a', 'endpoint removed')).toBe(2);
    expect(rig.told).toContain('dead a endpoint removed 2');
  });
});

describe('an endpoint that is not configured any more', () => {
  test('keeps what waits for a minute, and gets it when it is back by then', async () => {
    const rig = await OutboxRig.start({ a: { enabled: false } });
    const envelopes = many(2, 'a');
    await rig.outbox.accept(envelopes);
    rig.endpoints.delete('a');
    await rig.outbox.refresh();
    await rig.pass(59_999);
    rig.endpoints.set('a', {});
    await rig.outbox.refresh();
    await rig.pass(60_000);
    expect(rig.idsTo('a')).toEqual(envelopes.map(({ id }) => id));
    expect(await rig.outbox.deadLetters()).toEqual([]);
  });

  test('then it becomes dead letters, which can be replayed to another endpoint', async () => {
    const rig = await OutboxRig.start({ a: {}, b: {} });
    rig.answer = ({ envelope }) => (envelope.endpoint === 'a' ? failed : delivered);
    await rig.outbox.accept([envelopeFor('a', { id: 'tried' })]);
    await rig.pass(0);
    rig.endpoints.delete('a');
    await rig.outbox.accept([envelopeFor('a', { id: 'untried' }), envelopeFor('b', { id: 'other' })]);
    await rig.outbox.refresh();
    await rig.pass(59_999);
    expect(await statusOf(rig, 'a')).toMatchObject({ state: 'unknown', depth: { ready: 1, delayed: 1 } });
    await rig.pass(1);
    const letters = await rig.outbox.deadLetters();
    const reason = 'endpoint_removed: a is not configured';
    expect(letters.map(({ id }) => id).toSorted()).toEqual(['tried', 'untried']);
    expect(letters).toMatchObject([{ reason }, { reason }]);
    expect(rig.told).toContain(`dead a ${reason} 2`);
    expect((await rig.outbox.replay({ endpoint: 'a' }, 'b')).toSorted()).toEqual(['tried', 'untried']);
    await rig.pass(0);
    expect(rig.idsTo('b').toSorted()).toEqual(['other', 'tried', 'untried']);
    expect(await rig.outbox.deadLetters()).toEqual([]);
  });

  test('what is in delivery becomes one too, unless it is delivered', async () => {
    const rig = await OutboxRig.start({ a: {} });
    let answer = (_: DeliveryResult) => {};
    rig.answer = () => new Promise(resolve => (answer = resolve));
    await rig.outbox.accept([envelopeFor('a', { id: 'under way' })]);
    await rig.pass(0);
    rig.endpoints.delete('a');
    await rig.outbox.refresh();
    await rig.pass(120_000);
    expect(await rig.outbox.deadLetters()).toEqual([]);
    answer(failed);
    await rig.pass(60_000);
    expect(await rig.outbox.deadLetters()).toMatchObject([{ id: 'under way', attempts: 1 }]);
  });

  test('is found at the start, too', async () => {
    const clock = new ManualClock();
    const store = await openStore({ driver: 'memory' }, clock);
    await store.add([envelopeFor('former')], clock.now());
    const rig = await OutboxRig.start({}, { store });
    await rig.pass(60_000);
    expect(await rig.outbox.deadLetters()).toMatchObject([{ reason: 'endpoint_removed: former is not configured' }]);
  });
});

describe('an endpoint of a queue that other processes share', () => {
  /** In memory, where others may add. */
  async function startShared(endpoints: Readonly<Record<string, EndpointOptions>>) {
    const clock = new ManualClock();
    const store = Object.assign(await openStore({ driver: 'memory' }, clock), { pollMs: 30_000 });
    await store.add([envelopeFor('others')], clock.now());
    return { store, rig: await OutboxRig.start(endpoints, { store }) };
  }

  test('that this process has not had keeps what waits, which is told once', async () => {
    const { rig } = await startShared({ a: {} });
    await rig.pass(59_999);
    expect(rig.told).not.toContain('leftWaiting others 1');
    await rig.pass(180_000);
    expect(await statusOf(rig, 'others')).toMatchObject({ state: 'unknown', depth: { ready: 1 } });
    expect(rig.told.filter(text => text === 'leftWaiting others 1')).toHaveLength(1);
    expect(await rig.outbox.deadLetters()).toEqual([]);
  });

  test('that a reload of this process removed has dead letters; what others add later waits', async () => {
    const { rig, store } = await startShared({ a: { enabled: false } });
    await rig.outbox.accept(many(2, 'a'));
    rig.endpoints.delete('a');
    await rig.outbox.refresh();
    await rig.pass(60_000);
    expect(await rig.outbox.deadLetters()).toHaveLength(2);
    await store.add(many(1, 'a'), rig.clock.now());
    await rig.pass(180_000);
    expect(await statusOf(rig, 'a')).toMatchObject({ depth: { ready: 1, dead: 2 } });
  });

  test('that a reload removed when nothing waited for it keeps what others add later', async () => {
    const { rig, store } = await startShared({ a: {} });
    rig.endpoints.delete('a');
    await rig.outbox.refresh();
    await rig.pass(120_000);
    await store.add(many(1, 'a'), rig.clock.now());
    await rig.pass(180_000);
    expect(await statusOf(rig, 'a')).toMatchObject({ depth: { ready: 1, dead: 0 } });
  });

  test('that came back is served again, and counts as removed only by another reload', async () => {
    const { rig } = await startShared({ a: { enabled: false } });
    await rig.outbox.accept(many(2, 'a'));
    rig.endpoints.delete('a');
    await rig.outbox.refresh();
    await rig.pass(30_000);
    rig.endpoints.set('a', { enabled: false });
    await rig.outbox.refresh();
    await rig.pass(180_000);
    expect(await statusOf(rig, 'a')).toMatchObject({ state: 'paused', depth: { ready: 2, dead: 0 } });
  });
});

describe('an endpoint that is switched off', () => {
  test('keeps its backlog, which is delivered with a new creation time if its budget is over', async () => {
    const rig = await OutboxRig.start(
      { a: { enabled: false } },
      {
        restamp: (envelope, createdAtMs) => ({ ...envelope, createdAtMs }),
      },
    );
    const envelopes = many(3, 'a');
    await rig.outbox.accept(envelopes);
    await rig.pass(301_000);
    expect(rig.deliveries).toEqual([]);
    expect((await statusOf(rig, 'a')).state).toBe('paused');
    rig.answer = ({ attempt }) => (attempt === 1 ? failed : delivered);
    rig.endpoints.set('a', {});
    await rig.outbox.refresh();
    const nowMs = rig.clock.now();
    await rig.pass(2_000);
    expect(rig.idsTo('a')).toEqual([...envelopes, ...envelopes].map(({ id }) => id));
    expect(new Set(rig.deliveries.map(({ envelope }) => envelope.createdAtMs))).toEqual(new Set([nowMs]));
  });

  test('and one that is not configured yet, too', async () => {
    const rig = await OutboxRig.start({});
    await rig.outbox.accept(many(1, 'new'));
    await rig.pass(0);
    rig.endpoints.set('new', {});
    await rig.outbox.refresh();
    await rig.pass(0);
    expect(rig.idsTo('new')).toHaveLength(1);
  });
});

test('with an order by key, a later envelope waits while an earlier one is retried; other keys go on', async () => {
  const rig = await OutboxRig.start({ a: { ordering: 'key' } });
  const [k1, k2, k3, l1] = ['k', 'k', 'k', 'l'].map(key => envelopeFor('a', { key }));
  rig.answer = ({ envelope, attempt }) => (envelope.id === k1!.id && attempt < 3 ? failed : delivered);
  await rig.outbox.accept([k1!, k2!, l1!, k3!]);
  await rig.pass(2_999);
  expect(rig.idsTo('a')).toEqual([k1, l1, k1].map(envelope => envelope!.id));
  await rig.pass(1);
  await rig.pass(0);
  expect(rig.idsTo('a').slice(3)).toEqual([k1, k2, k3].map(envelope => envelope!.id));
});

describe('deadlines', () => {
  test('turn into envelopes when they are due, once', async () => {
    const rig = await OutboxRig.start(
      { a: {} },
      {
        onDeadline: (id, content) => turnOf({ envelopes: [envelopeFor('a', { id, content })] }),
      },
    );
    const nowMs = rig.clock.now();
    await rig.outbox.schedule('vacated', nowMs + 3_000, Buffer.from('x'));
    await rig.outbox.schedule('rejoined', nowMs + 3_000, Buffer.from('y'));
    await rig.outbox.schedule('sooner', nowMs + 1_000, Buffer.from('z'));
    expect(await rig.outbox.cancel('rejoined')).toBe(true);
    await rig.pass(60_000);
    expect(rig.deliveries.map(({ envelope, atMs }) => [envelope.id, atMs])).toEqual([
      ['sooner', 1_000],
      ['vacated', 3_000],
    ]);
    expect(await rig.outbox.cancel('vacated')).toBe(false);
    expect(rig.told).toContain('accepted 1');
  });

  test('turn into drafts, which are not delivered until an envelope takes their place', async () => {
    const settled: unknown[] = [];
    const onDeadline = (id: string) =>
      turnOf({
        envelopes: id === 'mixed' ? [envelopeFor('a', { id: 'alone' })] : [],
        drafts: [envelopeFor('b', { id })],
        draftMs: 50,
        settled: isKept => settled.push([id, isKept]),
      });
    const clock = new ManualClock();
    const store = await openStore({ driver: 'memory' }, clock);
    const given: unknown[] = [];
    const complete = store.complete.bind(store);
    store.complete = (deadline, successors, nowMs) => {
      given.push([deadline.key, successors.drafts.map(({ id }) => id), successors.untilMs - nowMs]);
      return complete(deadline, successors, nowMs);
    };
    const rig = await OutboxRig.start({ a: {}, b: {} }, { onDeadline, store });
    for (const key of ['mixed', 'batched']) await rig.outbox.schedule(key, rig.clock.now() + 10, Buffer.alloc(0));
    await rig.pass(10);
    expect(given).toEqual([
      ['mixed', ['mixed'], 50],
      ['batched', ['batched'], 50],
    ]);
    expect(settled).toEqual([
      ['mixed', true],
      ['batched', true],
    ]);
    expect(rig.deliveries.map(({ envelope }) => envelope.id)).toEqual(['alone']);
    expect(rig.told.filter(text => text.startsWith('accepted'))).toEqual(['accepted 1']);
    await rig.outbox.replace(['mixed', 'batched'], envelopeFor('b', { id: 'both' }));
    await rig.pass(0);
    expect(rig.idsTo('b')).toEqual(['both']);
  });

  test('are not moved by a step of the wall clock', async () => {
    const onDeadline = (id: string) => turnOf({ envelopes: [envelopeFor('a', { id })] });
    const rig = await OutboxRig.start({ a: {} }, { onDeadline });
    rig.clock.stepWall(-86_400_000);
    await rig.outbox.schedule('k', rig.clock.now() + 3_000, Buffer.alloc(0));
    rig.clock.stepWall(86_400_000);
    await rig.pass(2_999);
    expect(rig.deliveries).toEqual([]);
    await rig.pass(1);
    await rig.pass(0);
    expect(rig.idsTo('a')).toEqual(['k']);
  });
});

describe('a store that fails', () => {
  /** @param failing names of the methods that fail the first time */
  async function startFailing(...failing: (keyof OutboxStore)[]) {
    const clock = new ManualClock();
    const store = await openStore({ driver: 'memory' }, clock);
    const left = new Set<PropertyKey>(failing);
    const once = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          left.delete(name) ? Promise.reject(new Error(`${String(name)}: disk error`)) : value.apply(target, args);
      },
    });
    return await OutboxRig.start({ a: { profile: 'sockudo' } }, { store: once });
  }

  test('does not make the outbox deliver twice: what happened is written down later', async () => {
    const rig = await startFailing('delivered');
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(60_000);
    expect(rig.deliveries).toHaveLength(1);
    expect(rig.told).toContain('storeFailed delivered: disk error');
    expect((await statusOf(rig, 'a')).depth).toMatchObject({ ready: 0, inFlight: 0 });
  });

  test('does not lose a retry or a dead letter', async () => {
    const rig = await startFailing('retry', 'bury');
    rig.answer = () => failed;
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(60_000);
    await rig.pass(60_000);
    expect(rig.deliveries).toHaveLength(6);
    expect(await rig.outbox.deadLetters()).toHaveLength(1);
  });

  test('is asked again for claims after a second', async () => {
    const rig = await startFailing('claim');
    await rig.pass(1_000);
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(0);
    expect(rig.deliveries).toHaveLength(1);
    expect(rig.told[0]).toBe('storeFailed claim: disk error');
  });

  test('and throws at once does not end the claims either', async () => {
    const store = await openStore({ driver: 'memory' }, new ManualClock());
    const claim = store.claim.bind(store);
    let isBroken = true;
    store.claim = (...room) => {
      if (isBroken) throw new Error('a page is broken');
      return claim(...room);
    };
    const rig = await OutboxRig.start({ a: {} }, { store });
    isBroken = false;
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(1_000);
    expect([rig.deliveries.length, rig.told[0]]).toEqual([1, 'storeFailed a page is broken']);
  });

  test('makes accept reject, and is counted', async () => {
    const rig = await startFailing('add');
    await expect(rig.outbox.accept(many(2, 'a'))).rejects.toMatchObject({ name: 'NotKept', reason: 'failed' });
    expect(rig.told).toContain('notKept 2 failed');
  });
});

describe('a store whose claims come later', () => {
  async function laterStore() {
    const store = await openStore({ driver: 'memory' }, new ManualClock());
    const claim = store.claim.bind(store);
    const [waiting, begin] = [[] as (() => void)[], () => waiting.shift()?.()];
    store.claim = async (...room) => {
      await new Promise<void>(resolve => void waiting.push(resolve));
      return claim(...room);
    };
    return { store, waiting, begin };
  }

  test('is looked at again when a retry is due', async () => {
    const { store, waiting, begin } = await laterStore();
    const rig = await OutboxRig.start({ a: { profile: 'sockudo' } }, { store });
    rig.answer = () => failed;
    await rig.outbox.accept(many(1, 'a'));
    for (let round = 0; round < 8; round += 1) {
      while (waiting.length > 0) {
        begin();
        await rig.pass(0);
      }
      await rig.pass(60_000);
    }
    expect(rig.deliveries).toHaveLength(6);
  });

  test('gets back what it gives once the outbox closes', async () => {
    const { store, begin } = await laterStore();
    const rig = await OutboxRig.start({ a: {} }, { store });
    await rig.outbox.accept(many(2, 'a'));
    const closed = rig.outbox.close(1_000);
    const released = vi.spyOn(store, 'release');
    begin();
    await closed;
    expect([rig.deliveries.length, released.mock.calls.length]).toEqual([0, 2]);
  });
});

test('facts of an endpoint that cannot be read at a reload are read again', async () => {
  const store = await openStore({ driver: 'memory' }, new ManualClock());
  let isAway = true;
  const facts = store.facts.bind(store);
  store.facts = async id => {
    if (isAway) throw new Error('away');
    return facts(id);
  };
  const late = await OutboxRig.start({ b: {} }, { store });
  await late.outbox.accept(many(1, 'b'));
  await late.pass(0);
  expect(late.told).toContain('storeFailed away');
  expect(late.deliveries).toEqual([]);
  isAway = false;
  await late.pass(1_000);
  expect(late.idsTo('b')).toHaveLength(1);
});

describe('closing', () => {
  test('waits for attempts under way; nothing is accepted or begun any more', async () => {
    const rig = await OutboxRig.start({ a: { maxConcurrency: 1 } });
    let answer = () => {};
    rig.answer = () =>
      new Promise(resolve => {
        answer = () => resolve(delivered);
      });
    await rig.outbox.accept(many(2, 'a'));
    await rig.pass(0);
    const closed = rig.outbox.close(5_000);
    await expect(rig.outbox.accept(many(1, 'a'))).rejects.toMatchObject({ name: 'NotKept', reason: 'closed' });
    answer();
    await closed;
    expect(rig.deliveries).toHaveLength(1);
    expect(rig.told.at(-1)).toBe('attempted a 1 delivered');
  });

  test('aborts attempts that take longer; they do not count', async () => {
    const rig = await OutboxRig.start({ a: {} });
    rig.answer = hang;
    await rig.outbox.accept(many(1, 'a'));
    await rig.pass(0);
    const closed = rig.outbox.close(5_000);
    await rig.pass(5_000);
    await closed;
    expect(rig.deliveries[0]!.signal.aborted).toBe(true);
    expect(rig.told).toEqual(['accepted 1']);
  });
});

test('a test attempt is made at once, is not kept, and is in the log', async () => {
  const rig = await OutboxRig.start({ a: { enabled: false } });
  rig.answer = () => ({ outcome: 'failed', reason: 'HTTP 404', status: 404, answer: 'x'.repeat(2_000) });
  const record = await rig.outbox.test(envelopeFor('a', { id: 'test' }));
  expect(record).toMatchObject({ id: 'test', attempt: 1, status: 404, answer: 'x'.repeat(1_024), reason: 'HTTP 404' });
  expect(rig.outbox.attempts('a')).toEqual([record]);
  expect((await statusOf(rig, 'a')).depth.ready).toBe(0);
});

test('the status tells when an endpoint succeeded and failed', async () => {
  const rig = await OutboxRig.start({ a: {} });
  rig.answer = ({ attempt }) => (attempt === 1 ? failed : delivered);
  const startMs = rig.clock.now();
  await rig.outbox.accept(many(1, 'a'));
  await rig.pass(500);
  expect(await statusOf(rig, 'a')).toMatchObject({
    lastFailureAtMs: startMs,
    failingSinceMs: startMs,
    circuit: 'closed',
  });
  await rig.pass(500);
  await rig.pass(0);
  expect(await statusOf(rig, 'a')).toMatchObject({ lastSuccessAtMs: startMs + 1_000, failingSinceMs: undefined });
});
