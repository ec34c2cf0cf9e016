import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply, type Entry, entriesOf, type OpenConnections } from '../../../src/cluster/entries.js';
import { decodeRecord, encodeRecord, LedgerReader, type LedgerRecord } from '../../../src/cluster/records.js';

const ids = fc.constantFrom('a', 'b', 'c');
const groups = fc.constantFrom('g', 'h');

const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    hub: fc.constant('chat'),
    id: ids,
    userId: fc.option(fc.string(), { nil: undefined }),
    subprotocol: fc.option(fc.string(), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('fact' as const), id: ids, state: fc.string() }),
  fc.record({
    kind: fc.constant('cookies' as const),
    id: ids,
    cookies: fc.array(fc.dictionary(fc.string(), fc.string())),
  }),
  fc.record({ kind: fc.constantFrom('joined' as const, 'left' as const), id: ids, group: groups }),
  fc.record({ kind: fc.constantFrom('state' as const, 'noState' as const), id: ids, group: groups }),
  fc.record({
    kind: fc.constant('member' as const),
    id: ids,
    group: groups,
    member: fc.record({ id: fc.string(), about: fc.constant({}) }),
  }),
  fc.record({ kind: fc.constant('noMember' as const), id: ids, group: groups }),
  fc.record({ kind: fc.constant('signedIn' as const), id: ids, userId: fc.string() }),
  fc.record({ kind: fc.constantFrom('counted' as const, 'notCounted' as const), id: ids, group: groups }),
  fc.record({ kind: fc.constant('intent' as const), id: ids, eventId: fc.nat() }),
  fc.record({ kind: fc.constant('done' as const), id: ids }),
);

function recordOf(all: readonly Entry[], more: Partial<LedgerRecord> = {}): LedgerRecord {
  const texts = all.map(entry => JSON.stringify(entry));
  return decodeRecord(encodeRecord({ by: 'tag', n: 1, a: 0, ...more }, texts))!;
}

/** As JSON has it: nothing is undefined, sets are lists. */
function plain(connections: OpenConnections): unknown {
  return JSON.parse(JSON.stringify([...connections.values()].map(connection => [...entriesOf(connection)])));
}

describe('a ledger', () => {
  test('says the same however its entries are cut into records', () => {
    fc.assert(
      fc.property(fc.array(fc.array(entries)), batches => {
        const connections: OpenConnections = new Map();
        for (const entry of batches.flat()) apply(connections, entry);
        const reader = new LedgerReader();
        for (const batch of batches) reader.read(recordOf(batch));
        expect(plain(reader.connections)).toEqual(plain(connections));
      }),
    );
  });

  test('says the same when a snapshot in parts stands in the middle, with or without what came before it', () => {
    fc.assert(
      fc.property(
        fc.array(entries),
        fc.array(entries),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (before, after, of, isPurged) => {
          const connections: OpenConnections = new Map();
          for (const entry of before) apply(connections, entry);
          const snapshot = [...connections.values()].flatMap(connection => [...entriesOf(connection)]);
          const size = Math.ceil(snapshot.length / of);
          const reader = new LedgerReader();
          if (!isPurged) reader.read(recordOf(before));
          for (let part = 1; part <= of; part += 1) {
            reader.read(
              recordOf(snapshot.slice((part - 1) * size, part * size), {
                snap: { first: part === 1, last: part === of },
              }),
            );
          }
          reader.read(recordOf(after));
          for (const entry of after) apply(connections, entry);
          expect(plain(reader.connections)).toEqual(plain(connections));
        },
      ),
    );
  });

  test('whose writer died in the middle of a snapshot says what it said before', () => {
    const reader = new LedgerReader();
    reader.read(recordOf([{ kind: 'open', hub: 'chat', id: 'a', userId: undefined, subprotocol: undefined }]));
    reader.read(
      recordOf([{ kind: 'open', hub: 'chat', id: 'b', userId: undefined, subprotocol: undefined }], {
        snap: { first: true, last: false },
      }),
    );
    reader.read({ by: 'other', n: 1, a: 0, seal: true });
    expect([...reader.connections.keys()]).toEqual(['a']);
  });
});

test('a record says who wrote it; what is none is not read', () => {
  const seal = { by: 'tag', n: 7, a: 3, seal: true } as const;
  expect(decodeRecord(encodeRecord(seal, []))).toEqual({ ...seal, e: [] });
  for (const bytes of ['{"by":"tag","n":1}', 'null', '\0\u0001'])
    expect(decodeRecord(Buffer.from(bytes))).toBeUndefined();
});
