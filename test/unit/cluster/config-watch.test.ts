import { expect, test } from 'vitest';
import { ConfigWatch } from '../../../src/cluster/config-watch.js';
import type { LeaseValue, StoredLease } from '../../../src/cluster/store.js';

const leaseMs = 20_000;

function lease(tag: string, digest: string, state: LeaseValue['state'] = 'live'): StoredLease {
  return { tag, revision: 1, value: { name: 'host', version: '1', formats: [1], startedMs: 0, digest, state } };
}

function watch() {
  const told: unknown[] = [];
  const counts: number[] = [];
  const observer = {
    configs: (count: number) => void counts.push(count),
    configsDiffer: (groups: readonly (readonly string[])[]) => void told.push(groups),
  };
  return { configs: new ConfigWatch(leaseMs, observer), told, counts };
}

const different = [lease('a', 'x'), lease('b', 'y'), lease('c', 'x')];

test('[CL-110] nodes that run different configurations are told once, with their names, when that lasts', () => {
  const { configs, told, counts } = watch();
  configs.scanned(different, 0);
  configs.scanned(different, leaseMs - 1);
  expect(told).toEqual([]);
  configs.scanned(different, leaseMs);
  configs.scanned(different, 9 * leaseMs);
  expect(told).toEqual([[['host (a)', 'host (c)'], ['host (b)']]]);
  expect(counts).toEqual([2, 2, 2, 2]);
});

test('[CL-110] a change that reaches one node after the other is no difference', () => {
  const { configs, told, counts } = watch();
  configs.scanned(different, 0);
  configs.scanned([lease('a', 'y'), lease('b', 'y'), lease('c', 'x')], leaseMs - 1);
  configs.scanned([lease('a', 'y'), lease('b', 'y'), lease('c', 'y')], leaseMs);
  configs.scanned([lease('a', 'z'), lease('b', 'y'), lease('c', 'y')], 2 * leaseMs);
  expect(told).toEqual([]);
  expect(counts).toEqual([2, 2, 1, 2]);
});

test('[CL-110] a node that is gone is not compared', () => {
  const { configs, told, counts } = watch();
  const leases = [lease('a', 'x'), lease('b', 'y', 'claimed')];
  configs.scanned(leases, 0);
  configs.scanned(leases, leaseMs);
  expect([told, counts]).toEqual([[], [1, 1]]);
});
