import { describe, expect, test } from 'vitest';
import { ChainedLedgers } from '../../../src/cluster/chain.js';
import { encodeRecord } from '../../../src/cluster/records.js';
import type { Write } from '../../../src/cluster/store.js';
import { MemoryLedger } from '../../support/memory-ledger.js';

/** Several servers of NATS 2.9: the condition is checked, and what is under way is stored later without it. */
class LooseStore extends MemoryLedger {
  readonly isShared = true;
  readonly maxRecordBytes = 1_000;
  readonly #underWay: (() => void)[] = [];

  async append(_: string, bytes: Uint8Array, after: number): Promise<Write> {
    if ((await this.lastSequence()) !== after) return { kind: 'conflict' };
    return new Promise(resolve => {
      this.#underWay.push(() => {
        const sequence = this.records.length * 10 + 10;
        this.records.push({ sequence, bytes });
        resolve({ kind: 'stored', sequence });
      });
    });
  }

  async flush(): Promise<void> {
    for (let turn = 0; turn < 50; turn += 1) {
      await null;
      this.#underWay.shift()?.();
    }
  }
}

function setup() {
  const store = new LooseStore();
  const ledgers = new ChainedLedgers(store);
  const append = (by: string, n: number, a: number) => ledgers.append('x', encodeRecord({ by, n, a }, []), a);
  const read = async () => {
    const found: string[] = [];
    await ledgers.read('x', Number.MAX_SAFE_INTEGER, ({ by, n }, sequence) => void found.push(`${sequence} ${by}${n}`));
    return found;
  };
  return { store, ledgers, append, read };
}

describe('[CL-058] of records that were all acknowledged for one place', () => {
  test('the first one counts, and only its writer is told that it is stored', async () => {
    const { store, append, read } = setup();
    const writes = [append('owner', 1, 0), append('heir', 1, 0)];
    await store.flush();
    expect(await Promise.all(writes)).toEqual([{ kind: 'stored', sequence: 10 }, { kind: 'conflict' }]);
    expect(store.records).toHaveLength(2);
    expect(await read()).toEqual(['10 owner1']);
  });

  test('those behind do not keep the next one out', async () => {
    const { store, ledgers, append, read } = setup();
    const both = [append('heir', 1, 0), append('owner', 1, 0)];
    await store.flush();
    await Promise.all(both);
    const next = append('heir', 2, 10);
    const failed = expect(next).rejects.toThrow('behind records that do not count');
    await store.flush();
    await failed;
    expect(await ledgers.last('x', 10)).toMatchObject({ sequence: 30, record: { by: 'heir', n: 2 } });
    expect(await ledgers.last('x', undefined)).toMatchObject({ sequence: 30 });
    expect(await read()).toEqual(['10 heir1', '30 heir2']);
  });

  test('a late one for an earlier place does not count either', async () => {
    const { store, append, read } = setup();
    const late = append('owner', 9, 0);
    store.records.push({ sequence: 10, bytes: encodeRecord({ by: 'owner', n: 1, a: 0 }, []) });
    store.records.push({ sequence: 20, bytes: encodeRecord({ by: 'heir', n: 1, a: 10 }, []) });
    await store.flush();
    expect(await late).toEqual({ kind: 'conflict' });
    expect(await read()).toEqual(['10 owner1', '20 heir1']);
  });

  test('what is left of a purge begins with one that counts', async () => {
    const { store, ledgers, append, read } = setup();
    for (const after of [0, 10, 20]) {
      const write = append('owner', after, after);
      await store.flush();
      await write;
    }
    await ledgers.purge('x', 20);
    expect(await read()).toEqual(['20 owner10', '30 owner20']);
    expect(await ledgers.last('x', 20)).toMatchObject({ sequence: 30 });
  });

  test('a late one for a place that an heir has removed, with what followed, does not count', async () => {
    const { store, ledgers, append, read } = setup();
    for (const [by, after] of [
      ['owner', 0],
      ['heir', 10],
      ['heir', 20],
    ] as const) {
      const write = append(by, after, after);
      await store.flush();
      await write;
    }
    await ledgers.purge('x', 30);
    const late = append('owner', 2, 10);
    await store.flush();
    expect(await late).toEqual({ kind: 'conflict' });
    expect(await ledgers.last('x', 10)).toMatchObject({ sequence: 30, record: { by: 'heir' } });
    expect(await read()).toEqual(['30 heir20']);
  });
});

/** One server: the condition is that of what is stored. */
class StrictStore extends MemoryLedger {
  readonly isShared = false;
  readonly maxRecordBytes = 1_000;

  async append(_: string, bytes: Uint8Array, after: number): Promise<Write> {
    const last = await this.lastSequence();
    if (last !== after) return { kind: 'conflict' };
    this.records.push({ sequence: last + 10, bytes });
    return { kind: 'stored', sequence: last + 10 };
  }
}

describe('[CL-041] what somebody else has written into a ledger', () => {
  const foreign = ['', '{', 'null', '{}', '{"by":"x","n":1,"a":0,"e":7}'].map(text => Buffer.from(text));

  test('counts for nothing, and keeps no record out', async () => {
    const store = new StrictStore();
    const ledgers = new ChainedLedgers(store);
    const append = (n: number, a: number) => ledgers.append('x', encodeRecord({ by: 'owner', n, a }, []), a);
    expect(await append(1, 0)).toEqual({ kind: 'stored', sequence: 10 });
    for (const bytes of foreign) store.records.push({ sequence: (await store.lastSequence()) + 10, bytes });
    await expect(append(2, 10)).rejects.toThrow('behind records that do not count');
    expect(await ledgers.last('x', 10)).toMatchObject({ sequence: 70, record: { n: 2 } });
    expect(await append(3, 70)).toEqual({ kind: 'stored', sequence: 80 });
    const read: number[] = [];
    await ledgers.read('x', 80, ({ n }) => void read.push(n));
    expect(read).toEqual([1, 2, 3]);
  });

  test('is not taken for a seal', async () => {
    const store = new StrictStore();
    const ledgers = new ChainedLedgers(store);
    await ledgers.append('x', encodeRecord({ by: 'owner', n: 1, a: 0 }, []), 0);
    store.records.push({ sequence: 20, bytes: foreign[1]! });
    expect(await ledgers.last('x', 10)).toBeUndefined();
    await store.append('x', encodeRecord({ by: 'heir', n: 1, a: 10 }, []), 20);
    expect(await ledgers.append('x', encodeRecord({ by: 'owner', n: 2, a: 10 }, []), 10)).toEqual({ kind: 'conflict' });
  });
});
