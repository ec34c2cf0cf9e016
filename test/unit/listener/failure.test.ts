import { fastify } from 'fastify';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { answerFailure } from '../../../src/listener/failure.js';

test('[L8] failures of ours that callers cause again and again are logged twenty times in ten seconds', async () => {
  const lines: { msg: string; err?: { message: string } }[] = [];
  const logger = pino({ base: null }, { write: line => lines.push(JSON.parse(line)) });
  const app = fastify();
  app.setErrorHandler((error, request, reply) => answerFailure(error, request, reply, logger));
  app.get('/', () => {
    throw new PubSubError('internal', 'the signing keys cannot be fetched', { cause: new Error('503') });
  });
  for (let count = 0; count < 200; count += 1) expect((await app.inject('/')).statusCode).toBe(500);
  expect(lines).toHaveLength(20);
  expect(lines[0]).toMatchObject({ msg: 'a request failed', err: { message: '503' } });
});
