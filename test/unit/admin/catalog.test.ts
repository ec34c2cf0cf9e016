import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { catalog, type MetricEntry } from '../../../src/admin/catalog.js';
import { Metrics } from '../../../src/admin/metrics.js';
import { SummedMetrics } from '../../../src/admin/summed-metrics.js';
import type { EndpointStatus } from '../../../src/outbox/ports.js';
import { facts } from '../../support/facts.js';

/** Metrics with a value for every label. */
function filled(): Metrics {
  const metrics = new Metrics({ processMetrics: false });
  const at = { hub: 'chat', connectionId: 'c', protocol: 'simple' };
  metrics.tell(facts.opened(at));
  metrics.tell(facts.closed(at, 'Normal'));
  metrics.connectionRefused({ hub: 'chat', status: 401, reason: '', method: 'GET', path: '/', durationMs: 1 });
  metrics.restCallFinished('WebPubSub_SendToAll', 202, 1);
  metrics.received('chat', 'simple', 1);
  metrics.sent('chat', 'simple', 1, 1);
  metrics.delivered('chat', 1, 1);
  metrics.tell(facts.evented({ hub: 'chat', event: 'e', outcome: 'success', durationMs: 1, attempts: 1 }));
  metrics.tell({ kind: 'notPassedOn', hub: 'chat', group: 'g', reason: 'binary' });
  metrics.handlerChanged({ hub: 'chat', url: 'http://a', state: 'active', reason: undefined });
  metrics.handlerValidated('success');
  const status = {
    endpoint: 'e',
    state: 'enabled',
    circuit: 'closed',
    depth: { ready: 1, delayed: 0, inFlight: 0, dead: 0 },
  };
  metrics.webhooks.follow({
    status: async () => [{ ...status, ...noTimes } as EndpointStatus],
    oldestReadyAgeMs: async () => 1,
    lingering: 1,
  });
  const cluster = metrics.ofCluster();
  cluster.busConnected(true);
  cluster.barrierPassed(1);
  metrics.webhooks.raised('42', 'cache_miss');
  metrics.webhooks.enveloped('e', 1);
  const attempt = { id: 'i', attempt: 1, atMs: 0, durationMs: 1, outcome: 'delivered' } as const;
  metrics.webhooks.attempted('e', attempt, 'delivered');
  return metrics;
}

const noTimes = {
  lastSuccessAtMs: undefined,
  lastFailureAtMs: undefined,
  failingSinceMs: undefined,
  disabled: undefined,
};

/** What `/metrics` says: name → type, help text, and the labels that its samples have. */
async function served(
  metrics: Pick<Metrics, 'render'>,
): Promise<Record<string, { type: string; help: string; labels: string[] }>> {
  const text = await metrics.render();
  const families = text.split(/^(?=# HELP )/m).filter(family => family !== '');
  return Object.fromEntries(
    families.map(family => {
      const [, name = '', help = ''] = /^# HELP (\S+) (.*)$/m.exec(family) ?? [];
      const type = /^# TYPE \S+ (\S+)$/m.exec(family)?.[1] ?? '';
      const labels = [...family.matchAll(/[{,](\w+)="/g)].map(([, label = '']) => label);
      return [name, { type, help, labels: [...new Set(labels)].filter(label => label !== 'le') }];
    }),
  );
}

describe('[F20] the list of metrics', () => {
  const entries = Object.fromEntries(
    Object.entries<MetricEntry>(catalog).map(([name, { type, labels, help }]) => [name, { type, labels, help }]),
  );

  test('is what is served: names, types, labels and texts', async () => {
    const { hubwire_workers: _workers, hubwire_worker_restarts_total: _restarts, ...ofOne } = entries;
    expect(await served(filled())).toEqual(ofOne);
  });

  test('is what is served for several workers', async () => {
    const record = await filled().record();
    const counts = { ready: 1, paused: 0, silent: 0, configured: 1, restarts: 0 };
    expect(
      await served(new SummedMetrics({ collect: async () => new Map([[1, record]]), workers: () => counts })),
    ).toEqual(entries);
  });

  const page = fileURLToPath(new URL('../../../docs/operating.md', import.meta.url));

  test('is that of docs/operating.md, labels included', () => {
    const rows = [...readFileSync(page, 'utf8').matchAll(/^\| `(hubwire_\w+)` \| (\w+) \| ([^|]+) \|/gm)];
    const listed = rows.map(([, name, type, labels = '']) => [name, type, labels.trim() === '–' ? '' : labels.trim()]);
    const own = Object.entries(catalog).map(([name, { type, labels }]) => [name, type, labels.join(', ')]);
    expect(listed.sort()).toEqual(own.sort());
  });
});
