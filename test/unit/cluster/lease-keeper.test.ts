import { expect, test } from 'vitest';
import { LeaseKeeper } from '../../../src/cluster/lease-keeper.js';
import { settled } from '../../support/fake-ports.js';
import { ManualClock } from '../../support/manual-clock.js';

test('a fault of this program is told as one, and does not pass for a store that is away', async () => {
  const clock = new ManualClock();
  const faults: string[] = [];
  const keeper = new LeaseKeeper({
    tag: 'me',
    store: {
      isShared: false,
      writeLease: async () => ({ kind: 'stored', sequence: 1 }),
      readLease: async () => undefined,
      deleteLease: async () => ({ kind: 'stored', sequence: 2 }),
    },
    clock,
    rules: { leaseMs: 20_000, onIsolation: 'pause' },
    value: () => ({ name: 'n', version: '1', formats: [1], digest: '', startedMs: 1 }),
    onEntered: () => {
      throw new Error('resume');
    },
    onHealth: () => {},
    onFault: error => void faults.push(String(error)),
  });
  keeper.give({ kind: 'reached' });
  keeper.check();
  await settled();
  expect(faults).toEqual(['Error: resume']);
  expect(keeper.phase).toBe('live');
});
