import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Arrived, arrivedBy } from '../../chaos/partition-check.js';
import { ProxyPartitions } from '../../chaos/partitions.js';
import { repository } from '../../support/doc-pages.js';
import { notRun } from '../../support/not-run.js';

const ways = ['both', 'fromClient', 'fromService'] as const;
const [all, healed] = ['before cut', 'before cut healed'];
const during: Readonly<Record<(typeof ways)[number], Arrived['cut']>> = {
  both: { atServer: 'before', atNode: 'before' },
  fromClient: { atServer: 'before', atNode: all },
  fromService: { atServer: all, atNode: 'before' },
};
const expected = (way: (typeof ways)[number]): Arrived => ({
  cut: during[way],
  healed: { atServer: healed, atNode: healed },
});

describe('a node that is cut off', () => {
  test.each(ways)('by proxies, %s: bytes stay away, and come afterwards', async way => {
    expect(await arrivedBy(new ProxyPartitions(), way)).toEqual(expected(way));
  });

  test('by packets in a network namespace, each way', { timeout: 60_000 }, context => {
    const check = join(repository, 'test/chaos/partition-check.ts');
    const text = execFileSync(process.execPath, ['--import', 'tsx', check], { encoding: 'utf8', cwd: repository });
    if (text === '') notRun(context, 'network namespaces cannot be made here');
    const found = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Arrived);
    expect(found).toEqual(ways.map(expected));
  });
});
