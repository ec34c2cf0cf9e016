import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { outboxDirectory } from '../support/outbox-directory.js';
import { RedisServer, requireRedis } from '../support/redis-server.js';
import {
  appYaml,
  isSigned,
  openClient,
  signingSecret,
  startOn,
  startReceiver,
  stopped,
  toldBy,
} from '../support/webhook-service.js';

beforeEach(requireRedis);

const kinds = [
  { kind: 'a server', start: () => RedisServer.start(), redisOf: (url: string) => `url: "${url}"` },
  { kind: 'a cluster', start: () => RedisServer.startCluster(), redisOf: (url: string) => `nodes: ["${url}"]` },
];

test('while redis is away, the log has one line when that begins and one when it is back, without stacks', {
  timeout: 60_000,
}, async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const receiver = await startReceiver();
  const queue = `queue: { driver: redis, redis: { url: "${redis.url}" } }\n`;
  const service = await startOn(await outboxDirectory(), appYaml(receiver.url, '', queue));
  await redis.kill();
  await service.process.find(/the queue cannot be reached/, 'stderr');
  await new Promise(resolve => setTimeout(resolve, 3_000)); // it is tried several times
  await redis.start();
  await service.process.find(/the queue is reached again/, 'stderr');
  const lines = service.process.stderr.split('\n').filter(line => line.includes('queue') || line.includes('redis'));
  expect(lines.map(line => JSON.parse(line).msg)).toEqual([
    'the queue cannot be reached; it is tried again',
    'the queue is reached again',
  ]);
  expect(service.process.stderr).not.toContain('"stack"');
  expect(await stopped(service, 'SIGTERM')).toEqual({ code: 0, signal: null });
});

test.for(kinds)(
  '[PW-051] the service as it is shipped keeps webhooks in redis: $kind',
  {
    timeout: 60_000,
  },
  async ({ start, redisOf }) => {
    const redis = await start();
    onTestFinished(() => redis.stop());
    const receiver = await startReceiver();
    const settings = `signing_secret: ${signingSecret}, filter: { channel_prefix: room }`;
    const queue = `queue: { driver: redis, redis: { ${redisOf(redis.url)} } }\n`;
    const service = await startOn(await outboxDirectory(), appYaml(receiver.url, settings, queue));
    await (await openClient(service)).subscribe('room');
    await receiver.until(({ posts }) => posts.length === 1);
    expect(toldBy(receiver.posts)).toEqual(['channel_occupied room']);
    expect(receiver.posts.map(isSigned)).toEqual([true]);
    expect(await stopped(service, 'SIGTERM')).toEqual({ code: 0, signal: null });
  },
);
