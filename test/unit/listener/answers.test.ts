import { setImmediate as nextTurn } from 'node:timers/promises';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { answersAtTurnEnd } from '../../../src/listener/answers.js';

/** A server that tells what happens in what order. */
function start() {
  const faults: unknown[] = [];
  const order: string[] = [];
  const app = fastify();
  app.addHook(
    'onSend',
    answersAtTurnEnd(error => faults.push(error)),
  );
  app.get<{ Params: { name: string } }>('/:name', (request, reply) => {
    const { name } = request.params;
    order.push(`called ${name}`);
    reply.raw.on('finish', () => order.push(`answered ${name}`));
    setImmediate(() => order.push(`sent for ${name}`)); // at the turn's end, as messages are
    if (name === 'broken') reply.header('x-broken', 'a\nb');
    reply.send();
  });
  return { app, order, faults };
}

test('calls of one turn are all carried out, and their messages sent, before the first is answered', async () => {
  const { app, order } = start();
  await app.ready();
  await Promise.all([app.inject('/a'), app.inject('/b')]);
  expect(order.slice(0, 4)).toEqual(['called a', 'called b', 'sent for a', 'answered a']);
});

test('a call of the next turn is answered in the next turn', async () => {
  const { app } = start();
  await app.inject('/a');
  await nextTurn();
  expect((await app.inject('/b')).statusCode).toBe(200);
});

test('an answer that cannot be written ends its own connection only', async () => {
  const { app, faults } = start();
  await app.ready();
  const broken = app.inject('/broken').catch((error: unknown) => error);
  const good = await app.inject('/good');
  expect(good.statusCode).toBe(200);
  await broken;
  expect(faults).toEqual([expect.objectContaining({ code: 'ERR_INVALID_CHAR' })]);
});
