/**
 * Hubwire's webhooks, with the outbox and its driver `file`: client events are told, kept and delivered. Arguments: the URL
 * of the endpoint, how many events one request has, and the directory of the outbox.
 */
import { Registry } from 'prom-client';
import { WebhookMetrics } from '../../../src/admin/webhook-metrics.js';
import { systemClock } from '../../../src/clock.js';
import type { ClientEvent } from '../../../src/hub/facts.js';
import { openStore } from '../../../src/outbox/open-store.js';
import { Outbox } from '../../../src/outbox/outbox.js';
import { Webhooks } from '../../../src/webhooks/webhooks.js';
import { serveOwnWork } from './own-work.js';
import { app } from './pusher-app.js';
import { requestsOfStep } from './webhook-batch.js';

const [url = '', eventsPerRequest = '1', directory = ''] = process.argv.slice(2);
const size = Number(eventsPerRequest);
const metrics = new WebhookMetrics(new Registry());
let underWay = 0;
let onDone = () => {};

const fail = (what: string) => {
  process.stderr.write(`webhooks: ${what}\n`);
  process.exit(1);
};
const webhooks = new Webhooks({
  clock: systemClock,
  userAgent: 'hubwire-webhooks/bench',
  allowsLoopback: true,
  observer: {
    raised: (source, type) => metrics.raised(source, type),
    enveloped: (endpoint, events) => metrics.enveloped(endpoint, events),
    notKept: (_endpoint, reason) => fail(`not kept: ${reason}`),
    warned: (_source, warning) => fail(warning),
    fault: (where, error) => fail(`${where}: ${error}`),
  },
});
const outbox = new Outbox({
  store: await openStore({ driver: 'file', directory }, systemClock),
  clock: systemClock,
  deliverer: webhooks.deliverer,
  endpoints: webhooks.endpoints,
  observer: {
    attempted: (endpoint, attempt, fate) => {
      metrics.attempted(endpoint, attempt, fate);
      if (fate !== 'delivered') fail(`not delivered: ${attempt.reason}`);
      underWay -= 1;
      if (underWay === 0) onDone();
    },
  },
});
webhooks.attach(outbox);
await webhooks.configure({
  general: { batching: { enabled: size > 1, size } },
  apps: [{ id: app.id, keys: [{ ...app, active: true }], webhooks: [{ url, event_types: ['client_event'] }] }],
  hubs: [],
});
await outbox.start();

const event: ClientEvent = {
  kind: 'clientEvent',
  hub: `app:${app.id}`,
  connection: { id: '1234567890.1234567890', userId: undefined, protocol: { name: 'pusher' }, upstream: {} },
  group: 'private-bench',
  event: 'client-message',
  payload: { dataType: 'text', bytes: Buffer.alloc(128, 'x'), metadata: undefined },
  memberId: undefined,
};

serveOwnWork(async () => {
  const done = new Promise<void>(resolve => {
    onDone = resolve;
  });
  underWay = requestsOfStep;
  for (let count = 0; count < requestsOfStep * size; count += 1) webhooks.tell(event);
  await done;
  return requestsOfStep;
});
