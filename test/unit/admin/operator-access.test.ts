import { type FastifyInstance, fastify } from 'fastify';
import { describe, expect, test } from 'vitest';
import { operatorAccess } from '../../../src/admin/operator-access.js';

const token = 'Admin-token_1';

function routesFor(expected: string | undefined): FastifyInstance {
  const app = fastify();
  app.addHook('onRequest', operatorAccess(expected));
  app.get('/', async () => 'seen');
  return app;
}

async function call(expected: string | undefined, headers: Record<string, string>) {
  const { statusCode, body, headers: answered } = await routesFor(expected).inject({ url: '/', headers });
  return { statusCode, body, challenge: answered['www-authenticate'] };
}

describe('routes for operators', () => {
  test.each([`Bearer ${token}`, `bearer ${token}`, `Bearer   ${token}`])('admit "%s"', async authorization => {
    expect(await call(token, { authorization })).toMatchObject({ statusCode: 200, body: 'seen' });
  });

  test.each([
    ['nothing', {}],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another token', { authorization: 'Bearer other' }],
    ['the token in other letters', { authorization: `Bearer ${token.toUpperCase()}` }],
    ['the beginning of the token', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['the token and more', { authorization: `Bearer ${token}x` }],
    ['the token alone', { authorization: token }],
    ['another scheme', { authorization: `Basic ${token}` }],
    ['a second word', { authorization: `Bearer ${token} x` }],
  ])('answer %s with 401 and say what is needed', async (_what, headers) => {
    const { statusCode, body, challenge } = await call(token, headers);
    expect([statusCode, challenge]).toEqual([401, 'Bearer']);
    expect(JSON.parse(body)).toMatchObject({ code: 'Error.Unauthorized' });
    expect(body).toContain('Authorization: Bearer $HUBWIRE_ADMIN_TOKEN');
    expect(body).not.toContain(token);
  });

  test.each([{}, { authorization: 'Bearer undefined' }, { authorization: 'Bearer ' }])(
    'admit nobody while there is no token: %j',
    async headers => {
      const { statusCode, body } = await call(undefined, headers);
      expect(statusCode).toBe(401);
      expect(body).toContain('Set HUBWIRE_ADMIN_TOKEN');
    },
  );

  test.each(['https://evil.example', 'null'])('refuse pages of %s, also with the token', async origin => {
    expect(await call(token, { authorization: `Bearer ${token}`, origin })).toMatchObject({ statusCode: 403 });
  });
});
