import { describe, expect, test } from 'vitest';
import type { OutgoingRequest } from '../../../src/egress/destination.js';
import type { Answer, Bounds, Failure } from '../../../src/egress/exchange.js';
import { type DeliveryOptions, defaultDelivery } from '../../../src/upstream/options.js';
import { type OutgoingEvent, sendWithRetries, until } from '../../../src/upstream/retries.js';
import { ManualClock } from '../../support/manual-clock.js';

const status = (code: number): Answer => ({ kind: 'response', status: code, headers: {}, body: Buffer.alloc(0) });
const failure = (kind: Failure['failure'], code?: string): Answer => ({ kind: 'failure', failure: kind, code });

/** Delivers against answers given in turn; the last one repeats. */
function start(answers: Answer[], overrides: Partial<DeliveryOptions> = {}, signal?: AbortSignal) {
  const clock = new ManualClock();
  const options = { ...defaultDelivery, ...overrides };
  const sent: { atMs: number; request: OutgoingRequest; bounds: Bounds; retryBodyBytes: number }[] = [];
  const startMs = clock.monotonicMs();
  const send = async (request: OutgoingRequest, bounds: Bounds): Promise<Answer> => {
    const retryBodyBytes = bounds.bodyLimit(503).bytes;
    sent.push({ atMs: clock.monotonicMs() - startMs, request, bounds, retryBodyBytes });
    return answers.length > 1 ? answers.shift()! : answers[0]!;
  };
  const delivery: OutgoingEvent = {
    request: {
      method: 'POST',
      origin: 'http://app',
      path: '/',
      headers: ['ce-id', '1'],
      body: Buffer.from('x'),
      signal,
    },
    deadlineMs: startMs + options.timeoutMs,
    bodyLimit: () => ({ bytes: 10, beyond: 'cut' }),
    attempts: 0,
    watch: undefined,
  };
  const outcome = sendWithRetries({ send }, clock, delivery, options).catch((error: unknown) => error);
  return { clock, sent, delivery, outcome };
}

describe('[upstream-events 7.1] attempts', () => {
  test('[UE-114] 503 then 200: one retry after 1 s with the same request', async () => {
    const { clock, sent, delivery, outcome } = start([status(503), status(200)]);
    await clock.advanceAsync(1000);
    expect(await outcome).toMatchObject({ status: 200 });
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 1000]);
    expect(sent[1]?.request).toBe(sent[0]?.request);
    expect(delivery.attempts).toBe(2);
  });

  test.each([408, 500, 502, 599])(
    '[UE-117] %i forever: 4 attempts after 1, 3 and 5 s, then that answer',
    async code => {
      const { clock, sent, outcome } = start([status(code)]);
      await clock.advanceAsync(60_000);
      expect(await outcome).toMatchObject({ status: code });
      expect(sent.map(({ atMs }) => atMs)).toEqual([0, 1000, 4000, 9000]);
    },
  );

  test('[UE-041] no connection forever: 4 attempts, then eventFailed', async () => {
    const { clock, sent, outcome } = start([failure('connection', 'ECONNREFUSED')]);
    await clock.advanceAsync(60_000);
    expect(await outcome).toMatchObject({ kind: 'eventFailed', message: 'no connection to http://app (ECONNREFUSED)' });
    expect(sent).toHaveLength(4);
  });

  test('no connection because of a certificate: the message says what is wrong with it', async () => {
    const { clock, outcome } = start([failure('connection', 'CERT_HAS_EXPIRED')]);
    await clock.advanceAsync(60_000);
    const message = 'no connection to http://app: its certificate has expired (CERT_HAS_EXPIRED)';
    expect(await outcome).toMatchObject({ kind: 'eventFailed', message });
  });

  test.each([200, 204, 301, 302, 400, 401, 404, 410, 429])('[UE-115] [UE-116] %i is not tried again', async code => {
    const { clock, sent, outcome } = start([status(code)]);
    expect(await outcome).toMatchObject({ status: code });
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test.each(['timeout', 'queueTimeout', 'head', 'body', 'tooLarge', 'proxy', 'unsendable'] as const)(
    '%s is not tried again',
    async kind => {
      const { clock, sent, outcome } = start([failure(kind)]);
      expect(await outcome).toMatchObject({ kind: 'eventFailed' });
      expect(sent).toHaveLength(1);
      expect(clock.pending).toBe(0);
    },
  );
});

test('[upstream-events 7.1] each attempt has what is left of the event’s time', async () => {
  const { clock, sent, outcome } = start([status(500), status(500), status(200)], { timeoutMs: 6000 });
  await clock.advanceAsync(4000);
  expect(await outcome).toMatchObject({ status: 200 });
  expect(sent.map(({ bounds }) => bounds.headersWithinMs)).toEqual([6000, 5000, 2000]);
  expect(sent.map(({ bounds }) => bounds.bodyWithinMs)).toEqual([6000, 6000, 6000]);
});

test('a wait that would outlast the event’s time is not begun', async () => {
  const { clock, sent, outcome } = start([status(503)], { timeoutMs: 4000 });
  await clock.advanceAsync(1000);
  expect(await outcome).toMatchObject({ status: 503 });
  expect(sent).toHaveLength(2);
  expect(clock.monotonicMs() - 1000).toBe(new ManualClock().monotonicMs());
});

test('the body of an answer that will be asked for again is not waited for, the last one is', async () => {
  const { clock, sent, outcome } = start([status(503)]);
  await clock.advanceAsync(9000);
  await outcome;
  expect(sent.map(({ retryBodyBytes }) => retryBodyBytes)).toEqual([0, 0, 0, 10]);
});

test.each([90_000, -3_600_000])(
  '[F7] a step of the wall clock by %i ms leaves the deadline where it was',
  async stepMs => {
    const { clock, sent, outcome } = start([status(503)], { timeoutMs: 6000 });
    clock.stepWall(stepMs);
    await clock.advanceAsync(60_000);
    expect(await outcome).toMatchObject({ status: 503 });
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 1_000, 4_000]);
  },
);

describe('[F4] an event that is given up', () => {
  test('is not tried again, and does not wait for it', async () => {
    const abort = new AbortController();
    const { clock, sent, outcome } = start([status(503), failure('cancelled')], {}, abort.signal);
    await clock.advanceAsync(500);
    abort.abort();
    expect(await outcome).toMatchObject({ kind: 'cancelled', message: 'the client left before the answer came' });
    expect([sent.length, clock.pending]).toEqual([2, 0]); // the second was given up by the transport
  });

  test('that too many wait for is not tried again, and is told as such', async () => {
    const { sent, outcome } = start([failure('overloaded')]);
    expect(await outcome).toMatchObject({
      kind: 'overloaded',
      message: expect.stringContaining('128 requests at a time (delivery.maxConcurrentPerUpstream)'),
    });
    expect(sent).toHaveLength(1);
  });
});

test('no retries when none are configured', async () => {
  const { sent, outcome } = start([status(503)], { retryDelaysMs: [] });
  expect(await outcome).toMatchObject({ status: 503 });
  expect(sent).toHaveLength(1);
});

describe('until', () => {
  test('passes on what the work comes to, and leaves no timer', async () => {
    const clock = new ManualClock();
    expect(await until(clock, clock.monotonicMs() + 10, Promise.resolve(7), 'it')).toBe(7);
    await expect(until(clock, clock.monotonicMs() + 10, Promise.reject(new Error('no')), 'it')).rejects.toThrow('no');
    await clock.advanceAsync(0);
    expect(clock.pending).toBe(0);
  });

  test('fails the event when its time is up', async () => {
    const clock = new ManualClock();
    const waiting = until(clock, clock.monotonicMs() + 10, new Promise(() => {}), 'a token').catch(
      (error: unknown) => error,
    );
    await clock.advanceAsync(10);
    expect(await waiting).toMatchObject({ kind: 'eventFailed', message: expect.stringContaining('a token') });
  });
});
