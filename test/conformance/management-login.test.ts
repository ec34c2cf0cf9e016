import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { adminToken, type ManagedService, readToken, startManaged } from '../support/managed-service.js';
import { firstCertificate } from './rest-certificates.js';

const tenant = '99999999-8888-4777-8666-555555555555';
const tokenPath = `/${tenant}/oauth2/v2.0/token`;

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

function call({ adminUrl }: Pick<ManagedService, 'adminUrl'>, path: string, { body, ...sent }: Sent = {}) {
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  return new Promise<{ status: number; body: any; headers: Record<string, unknown> }>((resolve, reject) => {
    request(`${adminUrl}${path}`, { ca: firstCertificate.cert, servername: 'localhost', ...sent }, async response => {
      resolve({ status: response.statusCode ?? 0, body: await json(response), headers: response.headers });
    })
      .on('error', reject)
      .end(body);
  });
}

function logIn(started: ManagedService, secret: string, grant = 'client_credentials') {
  const form = new URLSearchParams({
    grant_type: grant,
    client_id: 'hubwire',
    client_secret: secret,
    scope: 'x/.default',
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return call(started, tokenPath, { method: 'POST', headers, body: String(form) });
}

describe('[management 1.6] what az calls', () => {
  test('the cloud and the OpenID document name the listener as it was called', async () => {
    const started = await startManaged();
    const { adminUrl } = started;
    const cloud = (await call(started, '/metadata/endpoints?api-version=2022-09-01')).body;
    expect(cloud).toMatchObject({
      name: 'hubwire',
      resourceManager: adminUrl,
      authentication: {
        loginEndpoint: adminUrl,
        audiences: expect.arrayContaining([adminUrl]),
        identityProvider: 'AAD',
      },
      suffixes: { storage: 'localhost', keyVaultDns: 'localhost' },
    });
    expect((await call(started, '/metadata/endpoints?api-version=2019-05-01')).body).toEqual([cloud]);
    const openId = (await call(started, `/${tenant}/v2.0/.well-known/openid-configuration`)).body;
    expect(openId).toMatchObject({
      issuer: `${adminUrl}/${tenant}/v2.0`,
      token_endpoint: `${adminUrl}${tokenPath}`,
      jwks_uri: expect.stringContaining(adminUrl),
    });
  });

  test('the admin token is exchanged for one that is valid for an hour, and knows its tenant', async () => {
    const started = await startManaged();
    const { status, body } = await logIn(started, adminToken);
    expect([status, body]).toEqual([200, expect.objectContaining({ token_type: 'Bearer', expires_in: 3_600 })]);
    expect(body.access_token).not.toContain(adminToken);
    const headers = { authorization: `Bearer ${body.access_token}` };
    const listed = await call(started, '/subscriptions?api-version=2022-12-01', { headers });
    expect(listed.body.value).toMatchObject([{ tenantId: tenant, state: 'Enabled' }]);
    expect((await call(started, '/tenants?api-version=2022-12-01', { headers })).body.value).toMatchObject([
      { tenantId: tenant },
    ]);
    expect(started.lines.filter(line => line.includes('"action":"login"'))).toHaveLength(1);
    expect(started.lines.join('')).not.toContain(body.access_token);
  });

  test.each([
    ['the read token', readToken, 'client_credentials', 401, 'invalid_client'],
    ['nothing', '', 'client_credentials', 401, 'invalid_client'],
    ['another grant', adminToken, 'password', 400, 'unsupported_grant_type'],
  ])('%s is refused', async (_what, secret, grant, status, error) => {
    const answer = await logIn(await startManaged(), secret, grant);
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });

  test('[MG-123] ten wrong secrets block the address, in the shape of OAuth', async () => {
    const started = await startManaged();
    for (let count = 0; count < 10; count += 1) expect((await logIn(started, 'wrong')).status).toBe(401);
    const { status, body, headers } = await logIn(started, adminToken);
    expect([status, body.error, headers['retry-after']]).toEqual([429, 'temporarily_unavailable', '60']);
  });

  test('[MG-122] pages of other origins are answered 403, and other hosts 421', async () => {
    const started = await startManaged();
    for (const path of ['/metadata/endpoints', `/${tenant}/v2.0/.well-known/openid-configuration`]) {
      expect((await call(started, path, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
      expect((await call(started, path, { headers: { host: 'evil.example' } })).status).toBe(421);
    }
  });

  test('[MG-120] a token that was made at start is none to log in with', async () => {
    const adminAccess = { adminToken, isGenerated: true, readToken: undefined, origins: [] };
    expect((await logIn(await startManaged({ adminAccess }), adminToken)).status).toBe(404);
  });
});
