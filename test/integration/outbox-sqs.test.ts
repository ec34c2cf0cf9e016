import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openStore } from '../../src/outbox/open-store.js';
import { describeOutboxStore, envelopeFor, failureOf } from '../support/outbox-contract.js';
import { outboxDirectory } from '../support/outbox-directory.js';
import { sqsHarness, sqsPromises } from '../support/sqs-harness.js';
import { hasSqs, requireSqs, SqsServer, sqsAccess } from '../support/sqs-server.js';
import { startProxy } from '../support/tcp-proxy.js';

let server: SqsServer;

beforeAll(async () => {
  if (hasSqs()) server = await SqsServer.start();
});
afterAll(() => server?.stop());

describeOutboxStore('sqs', { ...sqsPromises, keepsKeyOrder: false }, context => sqsHarness(context, server, false));

test('what is due later than SQS can delay is delayed again', async context => {
  const harness = await sqsHarness(context, server, false);
  const store = await harness.open();
  onTestFinished(() => store.close());
  await store.add([envelopeFor('a')], harness.nowMs());
  const room = () => ({ total: 1, endpoints: [{ endpoint: 'a', count: 1, isOrdered: false }] });
  const [claimed] = (await store.claim(room, harness.nowMs)).claimed;
  // The clock of those who claim runs ahead of that of SQS, so that it gives the message too early.
  const startMs = harness.nowMs();
  await store.retry(claimed!, startMs + 2_500, failureOf(claimed!));
  const early = () => startMs - 3_600_000;
  const nothing: unknown[] = [];
  for (let tries = 0; tries < 4; tries += 1) nothing.push(...(await store.claim(room, early)).claimed);
  expect(nothing).toEqual([]);
  expect((await store.depths()).get('*')).toMatchObject({ ready: 0, delayed: 1 });
});

test('a deadline is completed while SQS cannot be reached: it is given the envelope later', async context => {
  requireSqs(context);
  const [proxy, directory] = [await startProxy(Number(new URL(server.url).port)), await outboxDirectory()];
  const queueUrl = await server.createQueue(false);
  const options = { driver: 'sqs', queueUrl, directory, waitTimeSeconds: 1, ...sqsAccess } as const;
  const away = await openStore({ ...options, endpointUrl: `http://127.0.0.1:${proxy.port}` }, systemClock);
  const nowMs = systemClock.now();
  const deadline = { key: 'k', dueAtMs: nowMs, content: Buffer.from('x') };
  await away.schedule(deadline);
  proxy.close();
  const { due } = await away.dueDeadlines(nowMs, 1);
  expect(await away.complete(due[0]!, { envelopes: [envelopeFor('a')], drafts: [], untilMs: nowMs }, nowMs)).toBe(true);
  await away.close();
  const store = await openStore({ ...options, endpointUrl: server.url }, systemClock);
  onTestFinished(() => store.close());
  const room = () => ({ total: 1, endpoints: [{ endpoint: 'a', count: 1, isOrdered: false }] });
  await expect.poll(async () => (await store.claim(room, () => systemClock.now())).claimed.length).toBe(1);
});

test('a password in the URL of the queue is not in the sentence that stops the start', async () => {
  const opened = openStore({ driver: 'sqs', queueUrl: 'http://u:s3cret@127.0.0.1:1/q', ...sqsAccess }, systemClock);
  const { message } = await opened.then(
    () => new Error('opened'),
    error => error as Error,
  );
  expect(message).toMatch(/^The SQS queue of the outbox, http:\/\/\*\*\*@127\.0\.0\.1:1\/q, cannot be used \(/);
  expect(message).not.toContain('s3cret');
});

test('a queue that is not there stops the start with a sentence', async context => {
  requireSqs(context);
  const queueUrl = `${server.url}/123456789012/none`;
  const opened = openStore({ driver: 'sqs', queueUrl, endpointUrl: server.url, ...sqsAccess }, systemClock);
  await expect(opened).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'unreachable' });
  await expect(opened).rejects.toThrow(/none, cannot be used \(QueueDoesNotExist.*Check its URL, the region/);
});
