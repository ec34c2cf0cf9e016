import { describe, expect, test } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { connectionOf, facts } from '../../support/facts.js';

const at = (hub: string, connectionId = 'c') => ({ hub, connectionId, protocol: 'simple' });
const opened = (hub: string, connectionId = 'c') => facts.opened(at(hub, connectionId));
const closed = (hub: string) => facts.closed(at(hub), 'Normal', 'bye');

const refused = (hub: string) => ({
  ...{ hub, status: 401, reason: 'the token has expired' },
  ...{ method: 'GET', path: `/client/hubs/${hub}`, durationMs: 1 },
});

function counting(isConfigured: (hub: string) => boolean = () => false): Metrics {
  return new Metrics({ isConfigured, processMetrics: false });
}

/** The samples whose line starts with `name`, as text → value. */
async function samples(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const lines = (await metrics.render()).split('\n').filter(line => line.startsWith(`hubwire_${name}`));
  return Object.fromEntries(
    lines.map(line => {
      const space = line.lastIndexOf(' ');
      return [line.slice('hubwire_'.length, space), Number(line.slice(space + 1))];
    }),
  );
}

describe('what is counted', () => {
  test('connections go up and down; closes are told apart by category', async () => {
    const metrics = counting();
    metrics.tell(opened('chat'));
    metrics.tell(facts.opened({ hub: 'chat', protocol: 'json.webpubsub.azure.v1' }));
    metrics.tell(facts.closed(at('chat'), 'SlowClient'));
    expect(await samples(metrics, 'connections')).toEqual({
      'connections{hub="chat",protocol="simple"}': 0,
      'connections{hub="chat",protocol="json.webpubsub.azure.v1"}': 1,
      'connections_opened_total{hub="chat",protocol="simple"}': 1,
      'connections_opened_total{hub="chat",protocol="json.webpubsub.azure.v1"}': 1,
      'connections_closed_total{hub="chat",protocol="simple",category="SlowClient"}': 1,
    });
  });

  test('a session that is handed over is a connection of the other node, neither opened nor closed', async () => {
    const metrics = counting();
    const [hub, connection] = ['chat', connectionOf({})];
    for (const kind of ['takenOver', 'takenOver', 'handedOver'] as const) metrics.tell({ kind, hub, connection });
    expect(await samples(metrics, 'connections')).toEqual({
      'connections{hub="chat",protocol="simple"}': 1,
      'connections_opened_total{hub="chat",protocol="simple"}': 0,
    });
  });

  test('messages and bytes, those sent once per receiver; reading twice changes nothing', async () => {
    const metrics = counting();
    metrics.received('chat', 'simple', 10);
    metrics.received('chat', 'simple', 5);
    metrics.sent('chat', 'simple', 3, 100);
    metrics.sent('chat', 'simple', 1, 1);
    metrics.sent('news', 'simple', 1, 7);
    await metrics.render();
    expect({
      ...(await samples(metrics, 'messages')),
      ...(await samples(metrics, 'received')),
      ...(await samples(metrics, 'sent')),
    }).toEqual({
      'messages_received_total{hub="chat",protocol="simple"}': 2,
      'messages_received_total{hub="news",protocol="simple"}': 0,
      'messages_sent_total{hub="chat",protocol="simple"}': 4,
      'messages_sent_total{hub="news",protocol="simple"}': 1,
      'received_bytes_total{hub="chat",protocol="simple"}': 15,
      'received_bytes_total{hub="news",protocol="simple"}': 0,
      'sent_bytes_total{hub="chat",protocol="simple"}': 301,
      'sent_bytes_total{hub="news",protocol="simple"}': 7,
    });
  });

  test('events by kind and outcome, their attempts, and seconds', async () => {
    const metrics = counting();
    const event = { hub: 'chat', event: 'vote' };
    metrics.tell(facts.evented({ ...event, outcome: 'success', durationMs: 40, attempts: 1 }));
    metrics.tell(facts.evented({ ...event, outcome: 'failed', durationMs: 9_000, attempts: 4 }));
    metrics.tell(facts.evented({ ...event, outcome: 'unhandled', durationMs: 0, attempts: 0 }));
    expect(await samples(metrics, 'event')).toMatchObject({
      'events_total{hub="chat",kind="user",outcome="success"}': 1,
      'events_total{hub="chat",kind="user",outcome="failed"}': 1,
      'events_total{hub="chat",kind="user",outcome="unhandled"}': 1,
      'event_attempts_total{hub="chat",kind="user"}': 5,
      'event_duration_seconds_count{kind="user"}': 2,
      'event_duration_seconds_sum{kind="user"}': 9.04,
      'event_duration_seconds_bucket{le="0.025",kind="user"}': 0,
      'event_duration_seconds_bucket{le="0.05",kind="user"}': 1,
      'event_duration_seconds_bucket{le="10",kind="user"}': 2,
    });
  });

  test('[F20] REST calls by operation and status, and seconds', async () => {
    const metrics = counting();
    metrics.restCallFinished('WebPubSub_SendToAll', 202, 0.4);
    metrics.restCallFinished('WebPubSub_SendToAll', 202, 3);
    metrics.restCallFinished('WebPubSub_SendToAll', 401, 20_000);
    metrics.restCallFinished('other', 404, 1);
    const all = 'operation="WebPubSub_SendToAll"';
    expect(await samples(metrics, 'rest_request')).toMatchObject({
      [`rest_requests_total{${all},status="202"}`]: 2,
      [`rest_requests_total{${all},status="401"}`]: 1,
      'rest_requests_total{operation="other",status="404"}': 1,
      [`rest_request_duration_seconds_bucket{le="0.0005",${all}}`]: 1,
      [`rest_request_duration_seconds_bucket{le="10",${all}}`]: 2,
      [`rest_request_duration_seconds_bucket{le="+Inf",${all}}`]: 3,
      [`rest_request_duration_seconds_count{${all}}`]: 3,
      [`rest_request_duration_seconds_sum{${all}}`]: 20.0034,
    });
  });

  test('[F20] how many receivers a message had, those that reached nobody too', async () => {
    const metrics = counting();
    metrics.delivered('chat', 1, 0);
    metrics.delivered('chat', 3, 2);
    metrics.delivered('news', 1, 200_000);
    expect(await samples(metrics, 'send_receivers')).toMatchObject({
      'send_receivers_bucket{le="0"}': 1,
      'send_receivers_bucket{le="1"}': 1,
      'send_receivers_bucket{le="2"}': 4,
      'send_receivers_bucket{le="100000"}': 4,
      'send_receivers_bucket{le="+Inf"}': 5,
      send_receivers_sum: 200_006,
      send_receivers_count: 5,
    });
  });

  test('[F20] the versions of the service and of Node', async () => {
    const metrics = new Metrics({ processMetrics: false, version: '1.2.3' });
    const labels = `version="1.2.3",node="${process.versions.node}"`;
    expect(await samples(metrics, 'build_info')).toEqual({ [`build_info{${labels}}`]: 1 });
  });

  test('an event handler is in one state at a time', async () => {
    const metrics = counting();
    const handler = { hub: 'Chat', url: 'http://localhost/api/{event}?code=***', reason: undefined };
    metrics.handlerChanged({ ...handler, state: 'pending' });
    metrics.handlerChanged({ ...handler, state: 'active' });
    const url = 'url="http://localhost/api/{event}?code=***"';
    expect(await samples(metrics, 'event_handler_state')).toEqual({
      [`event_handler_state{hub="chat",${url},state="pending"}`]: 0,
      [`event_handler_state{hub="chat",${url},state="active"}`]: 1,
      [`event_handler_state{hub="chat",${url},state="failed"}`]: 0,
    });
    metrics.handlerChanged({ ...handler, state: 'removed' });
    expect(await samples(metrics, 'event_handler_state')).toEqual({});
  });

  test('how long the oldest webhook has waited; a store that does not answer hides no other metric', async () => {
    const metrics = counting();
    const state = { status: async () => [], lingering: 3 };
    const ages = [1_500, undefined];
    metrics.webhooks.follow({ ...state, oldestReadyAgeMs: async () => ages.shift() });
    const name = 'webhook_oldest_ready_age_seconds';
    expect(await samples(metrics, name)).toEqual({ [name]: 1.5 });
    expect(await samples(metrics, name)).toEqual({ [name]: 0 });
    metrics.webhooks.follow({ ...state, oldestReadyAgeMs: () => Promise.reject(new Error('unreachable')) });
    expect(await samples(metrics, 'webhook_linger')).toEqual({ webhook_linger_pending: 3 });
  });

  test('validations of upstreams by result, and the bytes that wait at the time of the scrape', async () => {
    const waiting = [10, 0];
    const metrics = new Metrics({ processMetrics: false, queuedBytes: async () => waiting.shift() ?? Number.NaN });
    for (const result of ['failed', 'failed', 'success'] as const) metrics.handlerValidated(result);
    expect(await samples(metrics, 'event_handler_validations_total')).toEqual({
      'event_handler_validations_total{result="failed"}': 2,
      'event_handler_validations_total{result="success"}': 1,
    });
    expect(await samples(metrics, 'outbound_queue_bytes')).toEqual({ outbound_queue_bytes: 0 });
  });

  test('refused upgrades by status, ignored roles, warnings and faults, from zero', async () => {
    const metrics = counting();
    expect(await samples(metrics, 'faults_total')).toEqual({ faults_total: 0 });
    metrics.connectionRefused(refused('chat'));
    metrics.tell(facts.roleIgnored(at('chat'), 'r', 'not a role of this service'));
    metrics.warned();
    metrics.fault();
    expect(await samples(metrics, 'upgrades_refused_total')).toEqual({ 'upgrades_refused_total{status="401"}': 1 });
    expect(await samples(metrics, 'roles_ignored_total')).toEqual({ roles_ignored_total: 1 });
    expect(await samples(metrics, 'warnings_total')).toEqual({ warnings_total: 1 });
    expect(await samples(metrics, 'faults_total')).toEqual({ faults_total: 1 });
  });

  test('[F20] the process is measured too, under the usual names, unless asked otherwise', async () => {
    const all = await new Metrics().render();
    expect(all).toMatch(/^process_cpu_seconds_total /m);
    expect(all).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(all).not.toMatch(/hubwire_(?:process|nodejs)/);
    expect(await counting().render()).not.toMatch(/^(?:process|nodejs)_/m);
  });
});

describe('labels of hubs', () => {
  function fill(metrics: Metrics): void {
    for (let index = 0; index < 1000; index += 1) metrics.received(`h${index}`, 'simple', 1);
  }

  test('the 1,001st hub without configuration and those after it share one', async () => {
    const metrics = counting(hub => hub === 'configured');
    fill(metrics);
    for (const hub of ['x', 'y', 'configured', 'h0']) metrics.received(hub, 'simple', 1);
    const counted = await samples(metrics, 'messages_received_total');
    expect(Object.keys(counted)).toHaveLength(1002);
    expect(counted).toMatchObject({
      'messages_received_total{hub="other",protocol="simple"}': 2,
      'messages_received_total{hub="configured",protocol="simple"}': 1,
      'messages_received_total{hub="h0",protocol="simple"}': 2,
    });
  });

  test('a hub that is configured while its connections are open counts them down where they went up', async () => {
    const configured = new Set<string>();
    const metrics = counting(hub => configured.has(hub));
    fill(metrics);
    metrics.tell(opened('late', 'a'));
    metrics.tell(opened('late', 'b'));
    configured.add('late');
    metrics.tell(closed('late'));
    metrics.tell(opened('late', 'c'));
    metrics.tell(closed('late'));
    expect(await samples(metrics, 'connections{')).toEqual({ 'connections{hub="other",protocol="simple"}': 1 });
    metrics.tell(closed('late'));
    metrics.tell(opened('late', 'd'));
    expect(await samples(metrics, 'connections{')).toEqual({
      'connections{hub="other",protocol="simple"}': 0,
      'connections{hub="late",protocol="simple"}': 1,
    });
  });

  test('refused upgrades do not use up labels: their hub is anybody’s word', async () => {
    const metrics = counting();
    for (let index = 0; index < 1000; index += 1) metrics.connectionRefused(refused(`r${index}`));
    metrics.tell(opened('chat'));
    expect(await samples(metrics, 'connections{')).toEqual({ 'connections{hub="chat",protocol="simple"}': 1 });
  });
});
