import { expect, test } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';

test('[CL-123] envelopes, barriers, partial queries, kept bytes and other nodes are counted', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const cluster = metrics.ofCluster();
  const counts = { present: 2, silent: 1, absent: 0 };
  cluster.follow({ keptBytes: 77, countOf: state => counts[state] }, () => 1_500);
  cluster.takenOver();
  cluster.appended(3);
  cluster.configs(2);
  cluster.envelope('sent');
  cluster.envelope('received');
  cluster.envelope('received');
  cluster.envelope('dropped');
  cluster.barrierPassed(4);
  cluster.barrierPassed(1_500);
  cluster.partialQuery();
  const text = await metrics.render();
  const lines = text
    .split('\n')
    .filter(line => /^hubwire_(bus|barrier|query|cluster|lease|takeovers|ledger)/.test(line));
  expect(lines.filter(line => !line.includes('_bucket'))).toEqual([
    'hubwire_bus_connected 0',
    'hubwire_bus_envelopes_total{way="sent"} 1',
    'hubwire_bus_envelopes_total{way="received"} 2',
    'hubwire_bus_envelopes_total{way="repeated"} 0',
    'hubwire_bus_envelopes_total{way="dropped"} 1',
    'hubwire_bus_ring_bytes 77',
    'hubwire_barrier_seconds_sum 1.504',
    'hubwire_barrier_seconds_count 2',
    'hubwire_query_partial_total 1',
    'hubwire_lease_age_seconds 1.5',
    'hubwire_cluster_configs 2',
    'hubwire_takeovers_total 1',
    'hubwire_ledger_append_seconds_sum 0.003',
    'hubwire_ledger_append_seconds_count 1',
    'hubwire_cluster_nodes{state="present"} 2',
    'hubwire_cluster_nodes{state="silent"} 1',
    'hubwire_cluster_nodes{state="absent"} 0',
  ]);
  expect(lines).toContain('hubwire_barrier_seconds_bucket{le="0.005"} 1');
  expect(lines).toContain('hubwire_barrier_seconds_bucket{le="2"} 2');
});
