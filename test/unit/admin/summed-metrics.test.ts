import { expect, test } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { type MetricsRecord, SummedMetrics } from '../../../src/admin/summed-metrics.js';

function sumsOf(workers: Map<number, Metrics>) {
  const collect = async () => {
    const records = new Map<number, MetricsRecord>();
    for (const [place, metrics] of workers) records.set(place, structuredClone(await metrics.record()));
    return records;
  };
  const sums = new SummedMetrics({
    collect,
    workers: () => ({ ready: workers.size, paused: 1, silent: 1, configured: 5, restarts: 3 }),
  });
  const value = async (series: string) => {
    const line = (await sums.render()).split('\n').find(each => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length));
  };
  return { sums, value };
}

const metrics = () => new Metrics({ processMetrics: false, version: '1' });

test('counters, gauges and histograms of workers are added up', async () => {
  const [one, two] = [metrics(), metrics()];
  for (const each of [one, one, two]) each.connectionRefused({ status: 503 } as never);
  one.restCallFinished('WebPubSub_SendToAll', 202, 3);
  two.restCallFinished('WebPubSub_SendToAll', 202, 7_000);
  const { sums, value } = sumsOf(
    new Map([
      [1, one],
      [2, two],
    ]),
  );
  expect(await value('hubwire_upgrades_refused_total{status="503"}')).toBe(3);
  expect(await value('hubwire_rest_request_duration_seconds_count{operation="WebPubSub_SendToAll"}')).toBe(2);
  expect(await value('hubwire_rest_request_duration_seconds_sum{operation="WebPubSub_SendToAll"}')).toBeCloseTo(7.003);
  expect(sums.contentType).toContain('text/plain');
});

test('what says something about each of them is not', async () => {
  const [one, two] = [metrics(), metrics()];
  one.handlerChanged({ hub: 'chat', url: 'u', state: 'active', reason: undefined });
  two.handlerChanged({ hub: 'chat', url: 'u', state: 'failed', reason: undefined });
  const { value } = sumsOf(
    new Map([
      [1, one],
      [2, two],
    ]),
  );
  const build = `hubwire_build_info{version="1",node="${process.versions.node}"}`;
  expect(await value(build)).toBe(1);
  const state = (name: string) => value(`hubwire_event_handler_state{hub="chat",url="u",state="${name}"}`);
  expect([await state('active'), await state('failed'), await state('pending')]).toEqual([1, 1, 0]);
});

test('what a worker had counted stays when it has ended; its gauges do not', async () => {
  const workers = new Map([
    [1, metrics()],
    [2, metrics()],
  ]);
  const connection = { protocol: { name: 'json' } };
  for (const each of workers.values()) each.tell({ kind: 'opened', hub: 'chat', connection } as never);
  const { sums, value } = sumsOf(workers);
  const opened = () => value('hubwire_connections_opened_total{hub="chat",protocol="json"}');
  const open = () => value('hubwire_connections{hub="chat",protocol="json"}');
  expect([await opened(), await open()]).toEqual([2, 2]);
  workers.delete(1);
  await sums.ended(1);
  expect([await opened(), await open()]).toEqual([2, 1]);
  workers.set(1, metrics());
  expect([await opened(), await open()]).toEqual([2, 1]);
  workers.get(1)?.tell({ kind: 'opened', hub: 'chat', connection } as never);
  workers.delete(2);
  await sums.ended(2);
  expect([await opened(), await open()]).toEqual([3, 1]);
});

test('the workers themselves are counted', async () => {
  const { value } = sumsOf(new Map([[1, metrics()]]));
  expect(await value('hubwire_workers{state="ready"}')).toBe(1);
  expect(await value('hubwire_workers{state="paused"}')).toBe(1);
  expect(await value('hubwire_workers{state="silent"}')).toBe(1);
  expect(await value('hubwire_workers{state="missing"}')).toBe(2);
  expect(await value('hubwire_worker_restarts_total')).toBe(3);
});

test('of a worker that does not answer the last figures stay', async () => {
  const workers = new Map([
    [1, metrics()],
    [2, metrics()],
  ]);
  const { value } = sumsOf(workers);
  for (const each of workers.values()) each.connectionRefused({ status: 503 } as never);
  const refused = () => value('hubwire_upgrades_refused_total{status="503"}');
  expect(await refused()).toBe(2);
  workers.delete(1); // it hangs
  workers.get(2)?.connectionRefused({ status: 503 } as never);
  expect(await refused()).toBe(3);
});
