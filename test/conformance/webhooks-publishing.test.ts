import { expect, onTestFinished, test } from 'vitest';
import { observers } from '../../src/hub/observers.js';
import { AppServer } from '../support/app-server.js';
import { startPusher } from '../support/pusher.js';
import { appSettings, startWebhooks } from '../support/webhook-harness.js';

/** More than all endpoints together have under way. */
const published = 100;

/** Requests that one endpoint has under way. */
const concurrency = 8;

/** By how much publishing is slower is measured by the benchmark, in its scenario `hanging`. */
test('[PW-056] while all endpoints hang, events of clients and of the app server are delivered and told as ever', async () => {
  const receivers = await Promise.all([startHanging(), startHanging(), startHanging()]);
  const entries = receivers.map(({ url }, index) => ({ id: `e${index}`, url, event_types: ['*'] }));
  // Its clock stands still: no attempt ends, and nothing that waits for one goes on.
  const { webhooks, outbox } = await startWebhooks(appSettings(entries));
  const { open, publish } = await startPusher({
    app: { limits: { maxClientEventsPerSecond: Number.POSITIVE_INFINITY } },
    observer: observers({ tell: fact => webhooks.tell(fact) }),
  });
  const [publisher, subscriber] = await Promise.all([open(), open()]);
  for (const client of [publisher, subscriber]) await client.subscribe('private-room');
  for (let count = 0; count < published; count += 1) {
    publisher.send('client-tick', count, { channel: 'private-room' });
    expect(await subscriber.next()).toMatchObject({ event: 'client-tick', data: String(count) });
    publish('private-room', 'tock', String(count));
    expect(await publisher.next()).toMatchObject({ event: 'tock', data: String(count) });
    expect(await subscriber.next()).toMatchObject({ event: 'tock', data: String(count) });
  }
  await webhooks.settled();
  await Promise.all(receivers.map(receiver => receiver.until(({ posts }) => posts.length === concurrency)));
  for (const { endpoint, depth } of await outbox.status()) {
    expect(outbox.attempts(endpoint)).toEqual([]); // all of them are still under way
    expect(depth.inFlight).toBe(concurrency);
    expect(depth.ready).toBeGreaterThanOrEqual(published - concurrency);
  }
});

async function startHanging(): Promise<AppServer> {
  const receiver = await AppServer.start();
  onTestFinished(() => receiver.close());
  receiver.onPost = () => {};
  return receiver;
}
