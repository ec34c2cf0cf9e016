import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/outbox/envelope.js';
import { NotKept } from '../../../src/outbox/outbox-error.js';
import { readContent } from '../../../src/webhooks/envelopes.js';
import { Outgoing, type WebhookQueue } from '../../../src/webhooks/outgoing.js';
import { Sources } from '../../../src/webhooks/sources.js';
import { ManualClock } from '../../support/manual-clock.js';
import { appSettings } from '../../support/webhook-harness.js';

/** A write that the test answers. */
interface Write {
  readonly what: 'accept' | 'draft' | 'replace';
  /** The channels of each envelope's events. */
  readonly channels: readonly (readonly string[])[];
  readonly ids: readonly string[];
  /** Of what is replaced. */
  readonly drafts: readonly string[];
  readonly done: () => void;
  readonly fail: (reason: 'disk_full' | 'closed') => void;
}

const batching = { enabled: true, duration: 50, size: 4 };

/** Batches of two endpoints, one of which takes channels that begin with `b`, and a queue that answers when the test says so. */
function start({ isDurable = true, entry = {} } = {}) {
  const clock = new ManualClock();
  const writes: Write[] = [];
  const notKept: string[] = [];
  const raised: string[] = [];
  const enveloped: string[] = [];
  const write = (what: Write['what'], envelopes: readonly Envelope[], drafts: readonly string[] = []) =>
    new Promise<void>((done, reject) => {
      const channels = envelopes.map(channelsOf);
      const ids = envelopes.map(({ id }) => id);
      writes.push({ what, channels, ids, drafts, done, fail: reason => reject(new NotKept(reason, reason)) });
    });
  const queue = {
    isDurable,
    accept: (envelopes: readonly Envelope[]) => write('accept', envelopes),
    draft: (envelopes: readonly Envelope[]) => write('draft', envelopes),
    replace: (drafts: readonly string[], envelope: Envelope) => write('replace', [envelope], drafts),
  } as unknown as WebhookQueue;
  const outgoing = new Outgoing(clock, () => queue, {
    raised: (_source, type) => raised.push(type),
    enveloped: (endpoint, events) => enveloped.push(`${endpoint} ${events}`),
    notKept: (_endpoint, reason) => notKept.push(reason),
    warned: () => {},
    fault: () => {},
  });
  const webhook = (id: string, channel_prefix: string) => ({
    ...{ id, url: `https://${id}.example.com/`, event_types: ['*'], batching, filter: { channel_prefix } },
    ...entry,
  });
  const source = new Sources(appSettings([webhook('all', ''), webhook('b', 'b')])).source('app:42')!;
  const emit = (...channels: readonly string[]) => {
    for (const channel of channels) outgoing.emit(source, { name: 'channel_occupied', atMs: 0, channel });
  };
  /** What is written by the end of this turn of the event loop. */
  const written = async () => {
    await setImmediate();
    return writes.splice(0);
  };
  return { clock, outgoing, source, emit, writes, written, notKept, raised, enveloped };
}

function channelsOf({ content }: Envelope): string[] {
  const { events } = JSON.parse(readContent(content).body.toString()) as { events: { channel: string }[] };
  return events.map(({ channel }) => channel);
}

test('what waits for its batch is kept, all of one turn in one write, an endpoint each', async () => {
  const { clock, emit, written } = start();
  emit('a1', 'b1', 'a2');
  const [drafts, none] = await written();
  expect(drafts).toMatchObject({ what: 'draft', channels: [['a1', 'b1', 'a2'], ['b1']] });
  expect(none).toBeUndefined();
  drafts!.done();
  clock.advance(50);
  const replaced = await written();
  expect(replaced).toMatchObject([
    { what: 'replace', channels: [['a1', 'b1', 'a2']], drafts: [drafts!.ids[0]] },
    { what: 'replace', channels: [['b1']], drafts: [drafts!.ids[1]] },
  ]);
  expect(new Set([...drafts!.ids, ...replaced.flatMap(({ ids }) => ids)]).size).toBe(4);
});

test('what comes during a write is kept by the next one, and what leaves meanwhile needs none', async () => {
  const { clock, emit, written } = start();
  emit('a1');
  const [first] = await written();
  emit('a2');
  expect(await written()).toEqual([]);
  first!.done();
  await written();
  clock.advance(5);
  const [second] = await written();
  expect(second).toMatchObject({ what: 'draft', channels: [['a2']] });
  emit('a3', 'a4'); // it is full
  const [whole] = await written();
  expect(whole).toMatchObject({ what: 'replace', channels: [['a1', 'a2', 'a3', 'a4']] });
  expect(whole!.drafts).toEqual([...first!.ids, ...second!.ids]); // the second is still being written
  second!.done();
  expect(await written()).toEqual([]);
});

test('a batch that is full within a turn is written once', async () => {
  const { emit, written } = start();
  emit('a1', 'a2', 'a3', 'a4');
  expect(await written()).toMatchObject([{ what: 'accept', channels: [['a1', 'a2', 'a3', 'a4']] }]);
});

test('a batch that is full is written before the draft of what came after it: after a crash that is their order', async () => {
  const { emit, written } = start();
  emit('a1', 'a2', 'a3', 'a4', 'a5');
  expect(await written()).toMatchObject([
    { what: 'accept', channels: [['a1', 'a2', 'a3', 'a4']] },
    { what: 'draft', channels: [['a5']] },
  ]);
});

test('without batching, and where nothing outlives the process, there are no drafts', async () => {
  const alone = start({ entry: { batching: { enabled: false } } });
  alone.emit('a1', 'a2');
  expect(await alone.written()).toMatchObject([{ what: 'accept', channels: [['a1'], ['a2']] }]);
  const inMemory = start({ isDurable: false });
  inMemory.emit('a1');
  expect(await inMemory.written()).toEqual([]);
  inMemory.clock.advance(50);
  expect(await inMemory.written()).toMatchObject([{ what: 'accept', channels: [['a1']] }]);
});

test('events that could not be kept leave with their batch, and count as not kept when that fails too', async () => {
  const { clock, emit, written, notKept } = start();
  emit('a1');
  const [draft] = await written();
  draft!.fail('disk_full');
  await written();
  clock.advance(50);
  const [accepted] = await written();
  expect(accepted).toMatchObject({ what: 'accept', channels: [['a1']] });
  expect(notKept).toEqual([]);
  accepted!.fail('disk_full');
  await written();
  expect(notKept).toEqual(['disk_full']);
});

test('a batch whose drafts are kept is tried again until it takes their place, with the same id', async () => {
  const { clock, emit, written, outgoing, notKept } = start();
  emit('a1');
  const [draft] = await written();
  draft!.done();
  clock.advance(50);
  const [first] = await written();
  first!.fail('disk_full');
  await outgoing.settled();
  clock.advance(1_000);
  const [second] = await written();
  expect(second).toMatchObject({ what: 'replace', drafts: draft!.ids, ids: first!.ids });
  second!.fail('closed'); // the next process finds the drafts
  await outgoing.settled();
  clock.advance(60_000);
  expect([await written(), notKept]).toEqual([[], []]);
});

describe('an event that is kept with its deadline', () => {
  const vacated = (channel: string) => ({ name: 'channel_vacated', atMs: 0, channel }) as const;

  test('is a draft for an endpoint with batches, and joins the one that waits once it is known that it was kept', async () => {
    const { clock, emit, outgoing, source, written, enveloped } = start();
    emit('a1');
    const [draft] = await written();
    draft!.done();
    const turn = outgoing.turn(source, vacated('b2'));
    expect([turn.envelopes, turn.drafts.map(channelsOf), turn.draftMs]).toEqual([[], [['b2'], ['b2']], 50]);
    expect(await written()).toEqual([]); // nothing has left
    turn.settled(true);
    clock.advance(50);
    expect(await written()).toMatchObject([
      { what: 'replace', channels: [['a1', 'b2']], drafts: [draft!.ids[0], turn.drafts[0]!.id] },
      { what: 'replace', channels: [['b2']], drafts: [turn.drafts[1]!.id] },
    ]);
    expect(enveloped).toEqual(['app:42:all 2', 'app:42:b 1']);
  });

  test('is in no batch, and not counted, when somebody else has the deadline', async () => {
    const { clock, emit, outgoing, source, written, raised, enveloped } = start();
    emit('a1');
    (await written())[0]!.done();
    outgoing.turn(source, vacated('a2')).settled(false);
    clock.advance(50);
    expect(await written()).toMatchObject([{ what: 'replace', channels: [['a1']] }]);
    expect([raised, enveloped]).toEqual([['channel_occupied'], ['app:42:all 1']]);
  });

  test('is an envelope for an endpoint without batches, before which what was emitted is written', async () => {
    const { emit, outgoing, source, writes, enveloped } = start({ entry: { batching: { enabled: false } } });
    emit('a1');
    const turn = outgoing.turn(source, vacated('a2'));
    expect(writes).toMatchObject([{ what: 'accept', channels: [['a1']] }]); // before the caller can write its own
    expect([turn.envelopes.map(channelsOf), turn.drafts, turn.draftMs]).toEqual([[['a2']], [], 0]);
    turn.settled(true);
    expect(enveloped).toEqual(['app:42:all 1', 'app:42:all 1']);
  });

  test('is written after what waits, also while that has to wait for another write', async () => {
    const { clock, emit, outgoing, source, writes, written } = start();
    emit('a1');
    const [first] = await written();
    emit('a2');
    outgoing.turn(source, vacated('a2'));
    expect(writes).toMatchObject([{ what: 'draft', channels: [['a2']] }]);
    let isKept = false;
    void outgoing.kept().then(() => {
      isKept = true;
    });
    first!.done();
    await setImmediate();
    clock.advance(5);
    await setImmediate();
    expect(isKept).toBe(false);
    writes[0]!.done();
    await setImmediate();
    expect(isKept).toBe(true);
  });

  test('waits for its batch where nothing outlives the process, too', async () => {
    const { clock, outgoing, source, written } = start({ isDurable: false });
    outgoing.turn(source, vacated('a1')).settled(true);
    expect(await written()).toEqual([]);
    clock.advance(50);
    expect(await written()).toMatchObject([{ what: 'accept', channels: [['a1']] }]);
  });
});
