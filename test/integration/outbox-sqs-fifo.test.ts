import { afterAll, beforeAll } from 'vitest';
import { describeOutboxStore } from '../support/outbox-contract.js';
import { sqsHarness, sqsPromises } from '../support/sqs-harness.js';
import { hasSqs, SqsServer } from '../support/sqs-server.js';

let server: SqsServer;

beforeAll(async () => {
  if (hasSqs()) server = await SqsServer.start();
});
afterAll(() => server?.stop());

const promises = { ...sqsPromises, keepsKeyOrder: true, remembersAttempts: false };

describeOutboxStore('sqs FIFO', promises, context => sqsHarness(context, server, true));
