import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { SummedMetrics } from '../../../src/admin/summed-metrics.js';
import { outcomes } from '../../../src/errors.js';
import { repository } from '../../support/doc-pages.js';

const page = readFileSync(join(repository, 'docs/operating.md'), 'utf8');
const section = page.split(/^## /m).find(text => text.startsWith('Metrics\n')) ?? '';

/** Not on every system. */
const onLinuxOnly = /process_(?:virtual_memory_bytes|heap_bytes|open_fds|max_fds|resident_memory_bytes)$/;

/** Of one process of a cluster, and those that several have besides. */
async function rendered(): Promise<string> {
  const node = new Metrics();
  node.ofCluster();
  const workers = () => ({ ready: 0, paused: 0, silent: 0, configured: 0, restarts: 0 });
  const ofWorkers = new SummedMetrics({ collect: async () => new Map(), workers });
  return (await node.render()) + (await ofWorkers.render());
}

describe('docs/operating.md', () => {
  test('lists exactly the metrics that are served', async () => {
    const served = [...(await rendered()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
    const listed = [...section.matchAll(/`((?:hubwire|process|nodejs)_\w+)`/g)].map(([, name = '']) => name);
    const comparable = (names: readonly string[]) => [...new Set(names)].filter(name => !onLinuxOnly.test(name)).sort();
    expect(comparable(listed)).toEqual(comparable(served));
  });

  test('gives each metric of the table its type', async () => {
    const types = new Map(
      [...(await rendered()).matchAll(/^# TYPE (\S+) (\w+)/gm)].map(([, name, type]) => [name, type]),
    );
    const rows = [...section.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)];
    expect(rows.length).toBeGreaterThan(10);
    for (const [, name = '', type] of rows) expect(types.get(name), name).toBe(type);
  });

  test('names every category of closed connections', () => {
    for (const { category } of Object.values(outcomes)) expect(section).toContain(`\`${category}\``);
  });
});
