/**
 * Hubwire's webhooks with the driver `file`: what was kept before is delivered. Arguments: the URL of the endpoint, how many
 * client events one request has, the directory of the outbox, and how many requests are prepared for one slice.
 */
import { Registry } from 'prom-client';
import type { ClientEvent } from '../../../src/hub/facts.js';
import { serveOwnWork } from './own-work.js';
import { app } from './pusher-app.js';
import { shipped } from './shipped.js';
import { stepSize } from './webhook-requests.js';

const { WebhookMetrics } =
  await shipped<typeof import('../../../src/admin/webhook-metrics.js')>('admin/webhook-metrics.js');
const { systemClock: clock } = await shipped<typeof import('../../../src/clock.js')>('clock.js');
const { openStore } = await shipped<typeof import('../../../src/outbox/open-store.js')>('outbox/open-store.js');
const { Outbox } = await shipped<typeof import('../../../src/outbox/outbox.js')>('outbox/outbox.js');
const { Webhooks } = await shipped<typeof import('../../../src/webhooks/webhooks.js')>('webhooks/webhooks.js');

const [url = '', eventsPerRequest = '1', directory = '', requests = '0'] = process.argv.slice(2);
const size = Number(eventsPerRequest);
const preparedRequests = Number(requests);
const metrics = new WebhookMetrics(new Registry());
/** While it does not work, the endpoint is paused. */
let isWorking = false;
let left = 0;
let done = 0;
let onStep = () => {};

const webhooks = new Webhooks({
  clock,
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
  store: await openStore({ driver: 'file', directory }, clock),
  clock,
  deliverer: webhooks.deliverer,
  endpoints: {
    ids: () => webhooks.endpoints.ids(),
    options: id => (isWorking ? webhooks.endpoints.options(id) : { enabled: false }),
  },
  observer: {
    attempted: (endpoint, attempt, fate) => {
      metrics.attempted(endpoint, attempt, fate);
      if (fate !== 'delivered') fail(`not delivered: ${attempt.reason}`);
      left -= 1;
      done += 1;
      if (done === stepSize || left === 0) onStep();
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

/** A few at a time, as they would come. */
async function prepare(): Promise<void> {
  isWorking = false;
  for (; left < preparedRequests; left += stepSize) {
    for (let count = 0; count < stepSize * size; count += 1) webhooks.tell(event);
    await webhooks.settled();
  }
}

serveOwnWork(async () => {
  if (left === 0) return 0;
  done = 0;
  const over = new Promise<void>(resolve => {
    onStep = resolve;
  });
  if (!isWorking) {
    isWorking = true;
    void outbox.refresh();
  }
  await over;
  return done;
}, prepare);

function fail(what: string): never {
  process.stderr.write(`webhooks: ${what}\n`);
  process.exit(1);
}
