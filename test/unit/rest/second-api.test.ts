import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { domainError, startRest } from './rest-harness.js';

/** Another API with another error format: plain text. */
const other: FastifyPluginAsync = async api => {
  const say = (status: number, text: string) => `${status}: ${text}`;
  api.setErrorHandler((error, _request, reply) => {
    const { outcome, message } = PubSubError.from(error);
    return reply.code(outcome.http).type('text/plain').send(say(outcome.http, message));
  });
  api.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain').send(say(404, 'nothing here')));
  api.get('/:app/channels', async () => 'channels');
  api.post('/:app/events', async () => {
    throw new PubSubError('forbidden', 'not yours');
  });
};

function startBoth(): FastifyInstance {
  const { app } = startRest();
  app.register(other, { prefix: '/apps' });
  onTestFinished(() => app.close());
  return app;
}

describe('an API beside the REST API', () => {
  test.each([
    ['GET', '/apps/1/channels', 200, 'channels'],
    ['POST', '/apps/1/events', 403, '403: not yours'],
    ['GET', '/apps/1/unknown', 404, '404: nothing here'],
    ['DELETE', '/apps', 404, '404: nothing here'],
  ] as const)('%s %s is answered in its own format', async (method, url, status, body) => {
    const reply = await startBoth().inject({ method, url });
    expect([reply.statusCode, reply.body]).toEqual([status, body]);
    expect(reply.headers).not.toHaveProperty('x-ms-error-code');
    expect(reply.headers).not.toHaveProperty('api-supported-versions');
  });

  test.each([
    ['POST', '/api/hubs/chat/:send', 401, 'Error.Unauthorized', 'Authorization'],
    ['GET', '/api/unknown', 404, 'Error.NotFound', 'Request'],
    ['GET', '/unknown', 404, 'Error.NotFound', 'Request'],
    ['GET', '/appsandmore', 404, 'Error.NotFound', 'Request'],
  ] as const)('%s %s is answered as without it', async (method, url, status, code, target) => {
    const reply = await startBoth().inject({ method, url });
    expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([status, code]);
    expect(reply.json()).toEqual(domainError(code, target, expect.any(String)));
  });

  test('what the server itself refuses, each API answers in its own format', async () => {
    const app = startBoth();
    app.addHook('onRequest', async () => {
      throw new PubSubError('invalid', 'refused');
    });
    const [own, rest, none] = await Promise.all(
      ['/apps/1/channels', '/api/health', '/unknown'].map(url => app.inject({ url })),
    );
    expect([own?.statusCode, own?.body]).toEqual([400, '400: refused']);
    for (const reply of [rest, none]) {
      expect([reply?.statusCode, reply?.json()]).toEqual([400, domainError('Error.BadRequest', 'Request', 'refused')]);
    }
  });
});
