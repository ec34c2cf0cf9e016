import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { fileWith, runHubwire } from '../support/hubwire-process.js';
import { startNats } from '../support/nats-server.js';
import { outboxDirectory } from '../support/outbox-directory.js';
import { appSecret } from '../support/pusher.js';
import {
  appYaml,
  idsOf,
  isSigned,
  openClient,
  signingSecret,
  startOn,
  startReceiver,
  stopped,
  toldBy,
} from '../support/webhook-service.js';

const queue = 'queue: { driver: nats }\n';

/** All that the queue has ever said, of a cluster whose stream is not deleted yet. */
async function saidIn(url: string, stream: string): Promise<string> {
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  const consumer = await jetstream(connection).consumers.get(stream);
  const { num_pending: count } = await consumer.info(true);
  const messages = await consumer.fetch({ max_messages: count, expires: 1_000 });
  let said = '';
  for await (const message of messages) said += message.string();
  return said;
}

test('webhooks of two services on one NATS arrive, signed, once each; nothing secret is in the queue', {
  timeout: 60_000,
}, async context => {
  const { url } = await startNats(context);
  const receiver = await startReceiver();
  const yaml = appYaml(receiver.url, `signing_secret: ${signingSecret}, filter: { channel_prefix: room }`, queue);
  const args = ['--nats', url];
  const services = [
    await startOn(await outboxDirectory(), yaml, args),
    await startOn(await outboxDirectory(), yaml, args),
  ];
  for (const [index, service] of services.entries()) await (await openClient(service)).subscribe(`room-${index}`);
  await receiver.until(({ posts }) => posts.length === 2);
  expect(toldBy(receiver.posts).toSorted()).toEqual(['channel_occupied room-0', 'channel_occupied room-1']);
  expect(receiver.posts.map(isSigned)).toEqual([true, true]);
  const said = await saidIn(url, 'hw_outbox');
  expect(said).toContain(idsOf(receiver.posts)[0]);
  for (const secret of [appSecret, signingSecret]) expect(said).not.toContain(secret); // [PW-060]
  for (const service of services) await stopped(service, 'SIGTERM');
});

test('driver nats without --nats stops the start with what to do', async () => {
  const file = await fileWith(appYaml('http://127.0.0.1:1', '', queue));
  const { code, stderr } = await runHubwire(['start', '--hubs', file, '--port', '0', '--admin-port', '0']);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'queue.driver is nats, but the service does not use NATS: start it with --nats URL (HUBWIRE_NATS), or choose another driver',
  );
});
