import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openStore } from '../../src/outbox/open-store.js';
import type { OutboxHarness } from './outbox-contract.js';
import { requireSqs, type SqsServer, sqsAccess } from './sqs-server.js';

export const sqsPromises = { isDurable: true, keepsOrder: false, countsEndpoints: false, isSlow: true, delayMs: 3_000 };

/** SQS counts in seconds of its own: claims wait for what is due, so nothing else lets time pass. */
export async function sqsHarness(context: TestContext, server: SqsServer, fifo: boolean): Promise<OutboxHarness> {
  requireSqs(context);
  const directory = await mkdtemp(join(tmpdir(), 'hubwire-sqs-'));
  context.onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const queueUrl = await server.createQueue(fifo);
  const options = { driver: 'sqs', queueUrl, endpointUrl: server.url, directory, fifo, ...sqsAccess } as const;
  return {
    open: () => openStore({ ...options, visibilityTimeout: 4, waitTimeSeconds: 1 }, systemClock),
    crash: store => store.close(),
    nowMs: () => systemClock.now(),
    pass: async () => {},
  };
}
