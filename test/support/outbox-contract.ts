import { describe, expect, type TestContext, test } from 'vitest';
import type { AttemptRecord, Envelope } from '../../src/outbox/envelope.js';
import type { Claimed, EndpointRoom, OutboxStore, Successors } from '../../src/outbox/store.js';

/** One place where envelopes are kept, and the clock of those who use it. */
export interface OutboxHarness {
  /** For another process, when one is open already. */
  open(): Promise<OutboxStore>;
  /** The process that had the store is gone, without having settled anything; others may claim what it had. */
  crash(store: OutboxStore): Promise<void>;
  nowMs(): number;
  /** Lets time pass until what is due then can be claimed. */
  pass(ms: number): Promise<void>;
}

export interface OutboxPromises {
  /** Envelopes survive the process. */
  readonly isDurable: boolean;
  /** Envelopes of a key wait for each other. */
  readonly keepsKeyOrder: boolean;
  /** Without keys, claims come in the order of acceptance. */
  readonly keepsOrder: boolean;
  /** false: only all endpoints together are counted, and what waits for one cannot be found. true by default. */
  readonly countsEndpoints?: boolean;
  /** false: after a crash, attempts are counted anew. true by default. */
  readonly remembersAttempts?: boolean;
  /** Deadlines for the end of the process are kept. By default as `isDurable`. */
  readonly keepsEnds?: boolean;
  /** Its tests wait for seconds: they run beside each other. */
  readonly isSlow?: boolean;
  /** Of retries in these tests. */
  readonly delayMs: number;
}

let counted = 0;

/** @param fields what is special about it */
export function envelopeFor(endpoint: string, fields: Partial<Envelope> = {}): Envelope {
  counted += 1;
  return { id: `m${counted}`, endpoint, createdAtMs: 1_790_000_000_000, content: Buffer.from('{}'), ...fields };
}

export function failureOf({ envelope, attempts }: Claimed, fields: Partial<AttemptRecord> = {}): AttemptRecord {
  const { id } = envelope;
  return { id, attempt: attempts + 1, atMs: 1, durationMs: 2, outcome: 'failed', reason: 'HTTP 500', ...fields };
}

const into = (successors: Partial<Successors>): Successors => ({
  envelopes: [],
  drafts: [],
  untilMs: 0,
  ...successors,
});

const idsOf = (claimed: readonly Claimed[]) => claimed.map(({ envelope }) => envelope.id);

/** What a store does not promise is no test of it, rather than one that is skipped. */
function testIf(isPromised: boolean, title: string, run: (context: TestContext) => Promise<void>): void {
  if (isPromised) test(title, run);
}

function describeIf(isPromised: boolean, title: string, define: () => void): void {
  if (isPromised) describe(title, define);
}

/** What every store of the outbox promises. */
export function describeOutboxStore(
  name: string,
  {
    isDurable,
    keepsKeyOrder,
    keepsOrder,
    countsEndpoints = true,
    remembersAttempts = true,
    keepsEnds = isDurable,
    isSlow = false,
    delayMs,
  }: OutboxPromises,
  start: (context: TestContext) => Promise<OutboxHarness>,
): void {
  /** A store that is closed with the test, and claims from it. */
  async function opened(context: TestContext) {
    const harness = await start(context);
    const store = await open(context, harness);
    return { harness, store, ...claims(harness) };
  }

  async function open(context: TestContext, harness: OutboxHarness): Promise<OutboxStore> {
    const store = await harness.open();
    context.onTestFinished(() => store.close());
    return store;
  }

  function claims(harness: OutboxHarness) {
    const roomOf = (endpoints: readonly EndpointRoom[], total: number) => () => ({ total, endpoints });
    /** Until there are so many, since a queue may give a few at a time. */
    const take = async (store: OutboxStore, endpoints: readonly EndpointRoom[], count: number, total = 64) => {
      const all: Claimed[] = [];
      for (let tries = 0; all.length < count && tries < 20; tries += 1) {
        const left = endpoints.map(room => ({ ...room, count: room.count - countOf(all, room.endpoint) }));
        all.push(...(await store.claim(roomOf(left, total - all.length), harness.nowMs)).claimed);
      }
      return all;
    };
    const more = async (store: OutboxStore, endpoints: readonly EndpointRoom[], total = 64) =>
      idsOf((await store.claim(roomOf(endpoints, total), harness.nowMs)).claimed);
    return { take, more };
  }

  const countOf = (claimed: readonly Claimed[], endpoint: string) =>
    claimed.filter(({ envelope }) => envelope.endpoint === endpoint).length;

  const room = (endpoint: string, count = 8, isOrdered = false): EndpointRoom => ({ endpoint, count, isOrdered });
  const ordered = [room('a', 8, true)];

  const sorted = (ids: readonly string[]) => (keepsOrder ? ids : ids.toSorted());

  describe(`the ${name} store`, { concurrent: isSlow }, () => {
    test('gives back what it was given, whatever the bytes, in order of acceptance', async context => {
      const { harness, store, take } = await opened(context);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const envelopes = [
        envelopeFor('a', { content: bytes }),
        envelopeFor('a', { content: Buffer.alloc(0), key: 'k' }),
        envelopeFor('a', { content: Buffer.from('{"é":"\u{1F600}","n":1.0}'), createdAtMs: 5 }),
        envelopeFor('a', { content: Buffer.alloc(20_000, 'x'), key: 'é/\n"\\'.repeat(100) }),
      ];
      await store.add(envelopes, harness.nowMs());
      const claimed = await take(store, [room('a')], 4);
      const byId = (all: readonly Envelope[]) => (keepsOrder ? all : all.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
      expect(byId(claimed.map(({ envelope }) => envelope))).toEqual(byId(envelopes));
      expect(claimed.map(({ attempts, history, isReplay }) => ({ attempts, history, isReplay }))).toEqual(
        envelopes.map(() => ({ attempts: 0, history: [], isReplay: false })),
      );
    });

    test('claims no more than there is room for, each envelope once', async context => {
      const { harness, store, take, more } = await opened(context);
      const [a, b] = [
        Array.from({ length: 5 }, () => envelopeFor('a')),
        Array.from({ length: 5 }, () => envelopeFor('b')),
      ];
      await store.add([...a, ...b], harness.nowMs());
      expect(await more(store, [room('a', 0), room('b', 0)], 0)).toEqual([]);
      const first = await take(store, [room('a', 3), room('b', 8)], 6, 6);
      expect(first).toHaveLength(6);
      expect(countOf(first, 'a')).toBeLessThanOrEqual(3);
      await harness.pass(delayMs);
      const rest = await take(store, [room('a'), room('b')], 4);
      expect([...idsOf(first), ...idsOf(rest)].toSorted()).toEqual([...a, ...b].map(({ id }) => id).toSorted());
      expect(await more(store, [room('a'), room('b')])).toEqual([]);
    });

    test('an endpoint without room does not keep another from its envelopes, whatever its name', async context => {
      const { harness, store, take } = await opened(context);
      const name = 'app:42/é "x" %';
      await store.add(
        Array.from({ length: 30 }, () => envelopeFor('dead')),
        harness.nowMs(),
      );
      const own = envelopeFor(name);
      await store.add([own], harness.nowMs());
      expect(idsOf(await take(store, [room(name)], 1))).toEqual([own.id]);
    });

    test('what is delivered is gone', async context => {
      const { harness, store, take, more } = await opened(context);
      await store.add([envelopeFor('a'), envelopeFor('a')], harness.nowMs());
      for (const claimed of await take(store, [room('a')], 2)) await store.delivered(claimed);
      expect(await more(store, [room('a')])).toEqual([]);
      expect((await store.depths()).get('a')).toBeUndefined();
    });

    testIf(countsEndpoints, 'shows since when the oldest one waits for a first attempt', async context => {
      const { harness, store, take } = await opened(context);
      expect(await store.oldestReadyAtMs()).toBeUndefined();
      const times: number[] = [];
      for (const endpoint of ['b', 'a', 'a']) {
        times.push(harness.nowMs());
        await store.add([envelopeFor(endpoint)], harness.nowMs());
        await harness.pass(delayMs);
      }
      expect(await store.oldestReadyAtMs()).toBe(times[0]);
      const [first] = await take(store, [room('b')], 1);
      expect(await store.oldestReadyAtMs()).toBe(times[1]); // the first one is in delivery
      await store.release(first!);
      expect(await store.oldestReadyAtMs()).toBe(times[0]);
      const [again] = await take(store, [room('b')], 1);
      await store.retry(again!, harness.nowMs() + delayMs, failureOf(again!));
      expect(await store.oldestReadyAtMs()).toBe(times[1]); // it waits for another attempt
      for (const each of await take(store, [room('a')], 2)) await store.bury(each, 'refused', 1);
      expect(await store.oldestReadyAtMs()).toBeUndefined();
    });

    test('a retry is claimable when it is due, with its attempts', async context => {
      const { harness, store, take, more } = await opened(context);
      const envelope = envelopeFor('a', { content: Buffer.from([0, 255]) });
      await store.add([envelope], harness.nowMs());
      const [claimed] = await take(store, [room('a')], 1);
      await store.retry(claimed!, harness.nowMs() + delayMs, failureOf(claimed!, { status: 500, answer: 'é' }));
      expect(await more(store, [room('a')])).toEqual([]);
      if (countsEndpoints) {
        expect((await store.depths()).get('a')).toEqual({ ready: 0, delayed: 1, inFlight: 0, dead: 0 });
      }
      await harness.pass(delayMs);
      const [again] = await take(store, [room('a')], 1);
      expect(again).toMatchObject({ attempts: 1, acceptedAtMs: claimed!.acceptedAtMs, envelope });
      expect(again!.history).toEqual([failureOf(claimed!, { status: 500, answer: 'é' })]);
    });

    test('says when the next retry is due', async context => {
      const { harness, store, take } = await opened(context);
      if (store.pollMs !== undefined) return; // it is polled anyway
      await store.add([envelopeFor('a'), envelopeFor('b')], harness.nowMs());
      const dueAtMs = harness.nowMs() + delayMs;
      for (const claimed of await take(store, [room('a'), room('b')], 2)) {
        const isFirst = claimed.envelope.endpoint === 'a';
        await store.retry(claimed, isFirst ? dueAtMs : dueAtMs + 1, failureOf(claimed));
      }
      const claim = (...endpoints: EndpointRoom[]) => store.claim(() => ({ total: 8, endpoints }), harness.nowMs);
      expect((await claim(room('b'), room('a'))).nextDueAtMs).toBe(dueAtMs);
      expect((await claim(room('b'))).nextDueAtMs).toBe(dueAtMs + 1);
    });

    test('a released envelope is claimable as before', async context => {
      const { harness, store, take } = await opened(context);
      const envelopes = [envelopeFor('a', { key: 'k' }), envelopeFor('a', { key: 'k' })];
      await store.add(envelopes, harness.nowMs());
      const [claimed] = await take(store, ordered, 1);
      await store.release(claimed!);
      await harness.pass(delayMs);
      const [again] = await take(store, ordered, 1);
      expect(again).toMatchObject({ attempts: 0, envelope: claimed!.envelope });
    });

    test('an envelope takes the place of its drafts, which are not claimable', async context => {
      const { harness, store, take, more } = await opened(context);
      const drafts = [envelopeFor('a', { key: 'k' }), envelopeFor('a')];
      const [whole, other] = [envelopeFor('a', { key: 'k' }), envelopeFor('a')];
      await store.addDrafts(drafts, harness.nowMs() + delayMs, harness.nowMs());
      expect(await more(store, [room('a')])).toEqual([]);
      if (countsEndpoints && isDurable) {
        expect((await store.depths()).get('a')).toEqual({ ready: 2, delayed: 0, inFlight: 0, dead: 0 });
      }
      await store.replaceDrafts([...drafts.map(({ id }) => id), 'unknown'], whole, harness.nowMs());
      await store.replaceDrafts([], other, harness.nowMs());
      expect(sorted(idsOf(await take(store, [room('a')], 2)))).toEqual(sorted([whole.id, other.id]));
      if (isDurable) await harness.crash(store);
      const next = isDurable ? await open(context, harness) : store;
      const left = await take(next, [room('a')], isDurable ? 2 : 0);
      expect(idsOf(left).toSorted()).toEqual(isDurable ? [whole.id, other.id].toSorted() : []);
    });

    test('drafts that are replaced while they are being written are gone', async context => {
      const { harness, store, take, more } = await opened(context);
      const [draft, whole] = [envelopeFor('a'), envelopeFor('a')];
      const added = store.addDrafts([draft], harness.nowMs() + delayMs, harness.nowMs());
      await Promise.all([added, store.replaceDrafts([draft.id], whole, harness.nowMs())]);
      expect(idsOf(await take(store, [room('a')], 1))).toEqual([whole.id]);
      await harness.pass(delayMs);
      expect(await more(store, [room('a')])).toEqual([]);
    });

    testIf(isDurable, 'drafts of a process that is gone are claimable, in their order', async context => {
      const { harness, store, take, more } = await opened(context);
      const drafts = Array.from({ length: 3 }, () => envelopeFor('a', { content: Buffer.from([0, 255]) }));
      const [before, after] = [envelopeFor('a'), envelopeFor('a')];
      await store.add([before], harness.nowMs());
      await store.addDrafts(drafts.slice(0, 2), harness.nowMs(), harness.nowMs());
      await store.addDrafts(drafts.slice(2), harness.nowMs(), harness.nowMs());
      await harness.crash(store);
      const next = await open(context, harness);
      const claimed = await take(next, [room('a')], 4);
      expect(idsOf(claimed)).toContain(before.id);
      const released = idsOf(claimed).filter(id => id !== before.id);
      expect(sorted(released)).toEqual(sorted(drafts.map(({ id }) => id)));
      expect(claimed.find(({ envelope }) => envelope.id === drafts[2]!.id)!.envelope).toEqual(drafts[2]);
      await next.add([after], harness.nowMs());
      expect(idsOf(await take(next, [room('a')], 1))).toEqual([after.id]);
      expect(await more(next, [room('a')])).toEqual([]);
    });

    describeIf(keepsKeyOrder, 'with an order by key', () => {
      test('an envelope waits until the one before it is delivered or dead; other keys go on', async context => {
        const { harness, store, take, more } = await opened(context);
        const of = (key: string | undefined) => envelopeFor('a', { key });
        const [k1, l1, k2, k3, free, l2] = [of('k'), of('l'), of('k'), of('k'), of(undefined), of('l')];
        await store.add([k1, l1, k2, k3, free, l2], harness.nowMs());
        const first = await take(store, ordered, 3);
        expect(idsOf(first).toSorted()).toEqual([k1.id, l1.id, free.id].toSorted());
        const [ofK, ofL] = [k1, l1].map(({ id }) => first.find(({ envelope }) => envelope.id === id)!);
        await store.retry(ofK!, harness.nowMs() + delayMs, failureOf(ofK!));
        expect(await more(store, ordered)).toEqual([]);
        await store.delivered(ofL!);
        expect(idsOf(await take(store, ordered, 1))).toEqual([l2.id]);
        await harness.pass(delayMs);
        const [again] = await take(store, ordered, 1);
        expect(again!.envelope.id).toBe(k1.id);
        expect(await more(store, ordered)).toEqual([]);
        await store.bury(again!, 'exhausted', 1, failureOf(again!));
        const [second] = await take(store, ordered, 1);
        expect(second!.envelope.id).toBe(k2.id);
        await store.delivered(second!);
        const [third] = await take(store, ordered, 1);
        expect(third!.envelope.id).toBe(k3.id);
        await store.delivered(third!);
        const last = of('k');
        await store.add([last], harness.nowMs());
        expect(idsOf(await take(store, ordered, 1))).toEqual([last.id]);
      });

      test('what comes while an earlier one is delayed waits for it', async context => {
        const { harness, store, take, more } = await opened(context);
        await store.add([envelopeFor('a', { key: 'k' })], harness.nowMs());
        const [first] = await take(store, ordered, 1);
        await store.retry(first!, harness.nowMs() + delayMs, failureOf(first!));
        const later = envelopeFor('a', { key: 'k' });
        await store.add([later], harness.nowMs());
        expect(await more(store, ordered)).toEqual([]);
        await harness.pass(delayMs);
        const [again] = await take(store, ordered, 1);
        expect(again!.envelope.id).toBe(first!.envelope.id);
        await store.delivered(again!);
        expect(idsOf(await take(store, ordered, 1))).toEqual([later.id]);
      });

      test('however many of one key wait for its first one, other keys keep their order', async context => {
        const { harness, store, take, more } = await opened(context);
        const of = (key: string) => envelopeFor('a', { key });
        const many = Array.from({ length: isSlow ? 15 : 600 }, () => of('k')); // more than a look finds
        await store.add(many, harness.nowMs());
        const [first] = await take(store, [room('a', 1, true)], 1);
        const [l1, l2] = [of('l'), of('l')];
        await store.add([l1], harness.nowMs());
        expect(await more(store, [room('a', 0, true)])).toEqual([]); // all of them wait for room
        const waitMs = isSlow ? 60_000 : delayMs; // the others may take longer than the usual delay
        await store.retry(first!, harness.nowMs() + waitMs, failureOf(first!));
        await store.add([l2], harness.nowMs());
        for (const { id } of [l1, l2]) {
          const [claimed] = await take(store, [room('a', 1, true)], 1);
          expect(claimed!.envelope.id).toBe(id);
          await store.delivered(claimed!);
        }
        if (isSlow) return;
        await harness.pass(waitMs);
        for (const { id } of many.slice(0, 3)) {
          const [claimed] = await take(store, [room('a', 1, true)], 1);
          expect(claimed!.envelope.id).toBe(id);
          await store.delivered(claimed!);
        }
      });

      const moments = [
        ['while one is in delivery', false],
        ['when one is settled and the next one is not claimed yet', true],
      ] as const;
      for (const [moment, isSettled] of moments) {
        testIf(isDurable, `a crash ${moment} changes nothing about the order`, context => crashAt(context, isSettled));
      }

      async function crashAt(context: TestContext, isSettled: boolean): Promise<void> {
        const { harness, store, take } = await opened(context);
        const all = Array.from({ length: 4 }, () => envelopeFor('a', { key: 'k' }));
        await store.add(all, harness.nowMs());
        const [first] = await take(store, ordered, 1);
        expect(first!.envelope.id).toBe(all[0]!.id);
        if (isSettled) await store.delivered(first!);
        await harness.crash(store);
        const next = await open(context, harness);
        for (const { id } of isSettled ? all.slice(1) : all) {
          const [claimed, none] = await take(next, ordered, 1);
          expect([claimed!.envelope.id, none]).toEqual([id, undefined]);
          await next.delivered(claimed!);
        }
      }
    });

    testIf(
      isDurable,
      'what was in delivery at a crash is claimable again, with its id, in its order',
      async context => {
        const { harness, store, take } = await opened(context);
        const all = Array.from({ length: 5 }, () => envelopeFor('a'));
        await store.add(all, harness.nowMs());
        const [first, , third] = await take(store, [room('a', 4)], 4);
        await store.delivered(first!);
        await store.retry(third!, harness.nowMs() + delayMs, failureOf(third!));
        await harness.crash(store);
        await harness.pass(delayMs);
        const next = await open(context, harness);
        const again = await take(next, [room('a')], 4);
        const left = all.map(({ id }) => id).filter(id => id !== first!.envelope.id);
        expect(idsOf(again).toSorted()).toEqual(left.toSorted());
        if (!remembersAttempts) return;
        const untried = again.filter(({ attempts }) => attempts === 0);
        expect(sorted(idsOf(untried))).toEqual(sorted(left.filter(id => id !== third!.envelope.id)));
      },
    );

    describe('dead letters', () => {
      /** Three dead letters: of `a` at 1000 and 3000, of `b` at 2000; oldest first. */
      async function withThree(context: TestContext) {
        const all = await opened(context);
        const { store, harness, take } = all;
        const letters = [envelopeFor('a', { key: 'k' }), envelopeFor('b'), envelopeFor('a')];
        for (const [index, letter] of letters.entries()) {
          await store.add([letter], harness.nowMs());
          const [claimed] = await take(store, [room(letter.endpoint)], 1);
          await store.bury(claimed!, `reason ${index}`, 1_000 * (index + 1), failureOf(claimed!));
        }
        return { ...all, letters, ids: letters.map(({ id }) => id) };
      }

      test('are listed, newest first, with reason and attempts', async context => {
        const { store, letters, ids, more } = await withThree(context);
        const all = await store.deadLetters({});
        expect(all.map(({ id }) => id)).toEqual(ids.toReversed());
        expect(all[2]).toMatchObject({ ...letters[0], diedAtMs: 1_000, reason: 'reason 0', attempts: 1 });
        expect(all[2]!.history).toMatchObject([{ attempt: 1, reason: 'HTTP 500' }]);
        expect(await more(store, [room('a'), room('b')])).toEqual([]);
        expect((await store.depths()).get('a')).toMatchObject({ ready: 0, dead: 2 });
      });

      test.for([
        ['by id', (ids: readonly string[]) => ({ ids: [ids[1]!, 'unknown'] }), [1]],
        ['by endpoint', () => ({ endpoint: 'a' }), [0, 2]],
        ['by time', () => ({ sinceMs: 1_000, untilMs: 3_000 }), [0, 1]],
        ['by all of them', () => ({ endpoint: 'a', sinceMs: 1_001 }), [2]],
      ] as const)('are selected %s, to be read, replayed or dropped', async ([, selectionOf, expected], context) => {
        const { store, ids } = await withThree(context);
        const selection = selectionOf(ids);
        const chosen = expected.map(index => ids[index]);
        expect((await store.deadLetters(selection)).map(({ id }) => id).toReversed()).toEqual(chosen);
        expect((await store.drop(selection)).toSorted()).toEqual(chosen.toSorted());
        expect((await store.deadLetters({})).map(({ id }) => id).toSorted()).toEqual(
          ids.filter(id => !chosen.includes(id)).toSorted(),
        );
      });

      test('a limit takes the newest of a list, and the oldest of a replay', async context => {
        const { harness, store, ids } = await withThree(context);
        expect((await store.deadLetters({ limit: 1 })).map(({ id }) => id)).toEqual([ids[2]]);
        expect(await store.replay({ limit: 1 }, harness.nowMs())).toEqual([ids[0]]);
      });

      test('a replay is claimable as new, once, and known as a replay', async context => {
        const { harness, store, letters, ids, take, more } = await withThree(context);
        const both = await Promise.all([
          store.replay({ endpoint: 'a' }, harness.nowMs()),
          store.replay({ endpoint: 'a' }, harness.nowMs()),
        ]);
        expect(both.flat().toSorted()).toEqual([ids[0], ids[2]].toSorted());
        const claimed = await take(store, [room('a')], 2);
        expect(sorted(idsOf(claimed))).toEqual(sorted([ids[0]!, ids[2]!]));
        const first = claimed.find(({ envelope }) => envelope.id === ids[0])!;
        expect(first).toMatchObject({ isReplay: true, attempts: 0, history: [], envelope: letters[0] });
        expect(await more(store, [room('a'), room('b')])).toEqual([]);
        expect((await store.deadLetters({})).map(({ id }) => id)).toEqual([ids[1]]);
      });

      test('a replay may go to another endpoint', async context => {
        const { harness, store, ids, take, more } = await withThree(context);
        expect(await store.replay({ ids: [ids[1]!] }, harness.nowMs(), 'a')).toEqual([ids[1]]);
        const [claimed] = await take(store, [room('a'), room('b')], 1);
        expect(claimed).toMatchObject({ isReplay: true, envelope: { id: ids[1], endpoint: 'a' } });
        await store.delivered(claimed!);
        expect(await more(store, [room('a'), room('b')])).toEqual([]);
        if (countsEndpoints) expect((await store.depths()).get('b')).toBeUndefined();
      });

      testIf(countsEndpoints, 'all that waits for an endpoint can be buried', async context => {
        const { harness, store, take, more } = await opened(context);
        const [inFlight, delayed, ready, other] = [...'aaab'].map(endpoint => envelopeFor(endpoint));
        await store.add([inFlight!, delayed!], harness.nowMs());
        const claimed = await take(store, [room('a')], 2);
        const toRetry = claimed.find(({ envelope }) => envelope.id === delayed!.id)!;
        await store.retry(toRetry, harness.nowMs() + delayMs, failureOf(toRetry));
        await store.add([ready!, other!], harness.nowMs());
        expect(await store.buryAll('a', 'endpoint removed', 7)).toBe(2);
        const letters = await store.deadLetters({});
        expect(letters.map(({ id }) => id).toSorted()).toEqual([delayed!.id, ready!.id].toSorted());
        expect(letters[0]).toMatchObject({ reason: 'endpoint removed', diedAtMs: 7 });
        await harness.pass(delayMs);
        expect(await more(store, [room('a')])).toEqual([]);
        expect(idsOf(await take(store, [room('b')], 1))).toEqual([other!.id]);
      });
    });

    describe('deadlines', () => {
      const deadline = (key: string, dueAtMs: number, text = key) => ({ key, dueAtMs, content: Buffer.from(text) });

      test('are due in order, and only then', async context => {
        const { harness, store } = await opened(context);
        const now = harness.nowMs();
        for (const [key, ms] of [
          ['b', 2],
          ['a', 1],
          ['c', 50],
          ['é'.repeat(1_000), 3],
        ] as const) {
          await store.schedule(deadline(key, now + ms));
        }
        const keysDue = async (nowMs: number, limit = 10) =>
          (await store.dueDeadlines(nowMs, limit)).due.map(({ key }) => key);
        expect(await keysDue(now)).toEqual([]);
        expect(await keysDue(now + 3)).toEqual(['a', 'b', 'é'.repeat(1_000)]);
        expect(await keysDue(now + 3, 1)).toEqual(['a']);
        expect((await store.dueDeadlines(now, 10)).nextDueAtMs).toBe(now + 1);
      });

      test('a cancelled one is not due; a second one with its key replaces the first', async context => {
        const { harness, store } = await opened(context);
        const now = harness.nowMs();
        await store.schedule(deadline('a', now));
        await store.schedule(deadline('b', now, 'old'));
        await store.schedule(deadline('b', now + 1, 'new'));
        expect(await store.cancel('a')).toBe(true);
        expect(await store.cancel('a')).toBe(false);
        expect((await store.dueDeadlines(now, 10)).due).toEqual([]);
        expect((await store.dueDeadlines(now + 1, 10)).due).toEqual([deadline('b', now + 1, 'new')]);
      });

      test('one turns into envelopes once, and not if it was cancelled or replaced', async context => {
        const { harness, store, take } = await opened(context);
        const now = harness.nowMs();
        for (const key of ['a', 'b', 'c']) await store.schedule(deadline(key, now));
        const { due } = await store.dueDeadlines(now, 10);
        await store.cancel('b');
        await store.schedule(deadline('c', now + 60_000));
        const envelopes = due.map(({ key }) => envelopeFor('x', { id: `of ${key}` }));
        const twice = (index: number) =>
          Promise.all([0, 1].map(() => store.complete(due[index]!, into({ envelopes: [envelopes[index]!] }), now)));
        expect((await twice(0)).toSorted()).toEqual([false, true]);
        expect([...(await twice(1)), ...(await twice(2))]).toEqual([false, false, false, false]);
        expect(idsOf(await take(store, [room('x')], 1))).toEqual(['of a']);
        expect(await store.cancel('a')).toBe(false);
        expect(await store.cancel('c')).toBe(true);
      });

      /** Deadlines that are due. */
      async function withDue(context: TestContext, ...keys: readonly string[]) {
        const all = await opened(context);
        const now = all.harness.nowMs();
        for (const key of keys) await all.store.schedule(deadline(key, now));
        return { ...all, now, due: (await all.store.dueDeadlines(now, 10)).due };
      }

      test('one turns into envelopes and drafts; an envelope takes the place of the drafts', async context => {
        const { harness, store, take, more, now, due } = await withDue(context, 'a');
        const [alone, draft, whole] = [envelopeFor('x'), envelopeFor('y'), envelopeFor('y')];
        expect(await store.complete(due[0]!, into({ envelopes: [alone], drafts: [draft], untilMs: now }), now)).toBe(
          true,
        );
        expect(await store.cancel('a')).toBe(false);
        expect(idsOf(await take(store, [room('x'), room('y')], 1))).toEqual([alone.id]);
        expect(await more(store, [room('y')])).toEqual([]);
        if (countsEndpoints) {
          const ready = { ready: 1, delayed: 0, inFlight: 0, dead: 0 };
          expect((await store.depths()).get('y')).toEqual(isDurable ? ready : undefined);
          expect(await store.oldestReadyAtMs()).toBeUndefined();
        }
        await store.replaceDrafts([draft.id], whole, now);
        const [claimed] = await take(store, [room('y')], 1);
        expect(claimed!.envelope.id).toBe(whole.id);
        await store.delivered(claimed!);
        if (countsEndpoints) expect((await store.depths()).get('y')).toBeUndefined();
        if (isDurable) await harness.crash(store);
        const next = isDurable ? await open(context, harness) : store;
        expect(idsOf(await take(next, [room('x'), room('y')], isDurable ? 1 : 0))).toEqual(isDurable ? [alone.id] : []);
        expect(await more(next, [room('y')])).toEqual([]);
      });

      testIf(isDurable, 'one that was cancelled or replaced leaves no drafts', async context => {
        const { harness, store, take, more, now, due } = await withDue(context, 'a', 'b', 'c');
        await store.cancel('a');
        await store.schedule(deadline('b', now + 60_000));
        const drafts = due.map(() => envelopeFor('x'));
        const complete = (index: number) => store.complete(due[index]!, into({ drafts: [drafts[index]!] }), now);
        expect([await complete(0), await complete(1)]).toEqual([false, false]);
        expect(await complete(2)).toBe(true);
        if (countsEndpoints) expect((await store.depths()).get('x')).toMatchObject({ ready: 1 });
        await harness.crash(store);
        const next = await open(context, harness);
        expect(idsOf(await take(next, [room('x')], 1))).toEqual([drafts[2]!.id]);
        expect(await more(next, [room('x')])).toEqual([]);
      });

      testIf(isDurable, 'drafts of those that were completed are claimable after a crash, in order', async context => {
        const { harness, store, take, more, now, due } = await withDue(context, 'a', 'b', 'c');
        const drafts = due.map(({ key }) =>
          envelopeFor('x', { id: `draft of ${key}`, content: Buffer.from([0, 255]) }),
        );
        const completed = due.map((each, index) =>
          store.complete(each, into({ drafts: [drafts[index]!], untilMs: now }), now),
        );
        expect(await Promise.all(completed)).toEqual([true, true, true]);
        await harness.crash(store);
        const next = await open(context, harness);
        const claimed = await take(next, [room('x')], 3);
        expect(sorted(idsOf(claimed))).toEqual(sorted(drafts.map(({ id }) => id)));
        expect(claimed.find(({ envelope }) => envelope.id === drafts[1]!.id)!.envelope).toEqual(drafts[1]);
        expect((await next.dueDeadlines(harness.nowMs(), 10)).due).toEqual([]);
        expect(await more(next, [room('x')])).toEqual([]);
      });

      testIf(isDurable, 'survive a crash', async context => {
        const { harness, store } = await opened(context);
        const kept = deadline('a', harness.nowMs() + 5);
        await store.schedule(kept);
        await store.schedule(deadline('b', harness.nowMs()));
        await store.cancel('b');
        await harness.crash(store);
        const next = await open(context, harness);
        expect((await next.dueDeadlines(harness.nowMs() + 5, 10)).due).toEqual([kept]);
      });
    });

    describe('deadlines for the end of the process', () => {
      const atEnd = (key: string) => ({ key, afterMs: 5, content: Buffer.from(`end of ${key}`) });

      test('are not due as long as it lasts', async context => {
        const { harness, store } = await opened(context);
        await store.scheduleAtEnd(atEnd('a'));
        const late = harness.nowMs() + 1_000_000;
        expect(await store.dueDeadlines(late, 10)).toEqual({ due: [], nextDueAtMs: undefined });
        expect(await store.cancel('a')).toBe(false);
      });

      testIf(keepsEnds, 'are due later than the next start, unless they were replaced or taken back', async context => {
        const { harness, store } = await opened(context);
        for (const key of ['replaced', 'kept', 'taken back', 'returned', 'twice', 'twice']) {
          await store.scheduleAtEnd(atEnd(key));
        }
        const replacing = { key: 'replaced', dueAtMs: harness.nowMs() + 1_000_000, content: Buffer.from('left') };
        await store.schedule(replacing);
        await store.cancelAtEnd('taken back');
        await harness.crash(store);
        const next = await open(context, harness);
        expect(await next.cancel('returned')).toBe(true);
        const now = harness.nowMs() + 1_000;
        expect((await next.dueDeadlines(now, 10)).due).toEqual([]);
        expect((await next.dueDeadlines(now + 4, 10)).due).toEqual([]);
        const { due } = await next.dueDeadlines(now + 5, 10);
        expect(due.map(({ key, dueAtMs, content }) => [key, dueAtMs, content.toString()])).toEqual([
          ['kept', now + 5, 'end of kept'],
          ['twice', now + 5, 'end of twice'],
        ]);
        expect(await next.complete(due[0]!, into({}), now)).toBe(true);
        expect(await next.cancel('twice')).toBe(true);
        await harness.crash(next);
        const last = await open(context, harness);
        await last.dueDeadlines(now, 10);
        expect((await last.dueDeadlines(now + 2_000_000, 10)).due).toEqual([replacing]);
      });
    });

    test('remembers facts of an endpoint', async context => {
      const { harness, store } = await opened(context);
      const facts = { failingSinceMs: 5, disabled: { reason: 'gone', atMs: 6 } };
      expect(await store.facts('a')).toBeUndefined();
      await store.saveFacts('a', facts);
      await store.saveFacts('b', facts);
      await store.saveFacts('b', undefined);
      if (isDurable) await harness.crash(store);
      const next = isDurable ? await open(context, harness) : store;
      expect(await next.facts('a')).toEqual(facts);
      expect(await next.facts('b')).toBeUndefined();
    });

    testIf(countsEndpoints, 'counts what it has', async context => {
      const { harness, store, take } = await opened(context);
      await store.add([envelopeFor('a'), envelopeFor('a'), envelopeFor('a')], harness.nowMs());
      const [first] = await take(store, [room('a', 1)], 1);
      expect((await store.depths()).get('a')).toEqual({ ready: 2, delayed: 0, inFlight: 1, dead: 0 });
      await store.bury(first!, 'refused', 1);
      expect((await store.depths()).get('a')).toEqual({ ready: 2, delayed: 0, inFlight: 0, dead: 1 });
    });
  });
}
