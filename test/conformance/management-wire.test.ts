import { describe, expect, test } from 'vitest';
import { adminToken, type ManagedService, readToken, startManaged, subscription } from '../support/managed-service.js';
import { inMinutes, signToken } from '../support/tokens.js';

const group = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.SignalRService/webPubSub`;
const resource = `${group}/name`;
const provider = `/subscriptions/${subscription}/providers/Microsoft.SignalRService`;
const version = 'api-version=2024-03-01';

interface Sent {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: string | object;
}

/** Over plain HTTP, as it stands. */
async function call({ adminUrl }: Pick<ManagedService, 'adminUrl'>, path: string, sent: Sent = {}) {
  const { method = 'GET', token = adminToken, headers, body } = sent;
  const answer = await fetch(`${adminUrl}${path}${path.includes('?') ? '' : `?${version}`}`, {
    method,
    headers: { ...(token !== '' && { authorization: `Bearer ${token}` }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: text === '' ? undefined : JSON.parse(text), headers: answer.headers };
}

const plain = () => startManaged({ hasTls: false });

describe('[MG-024] without a credential of an operator', () => {
  const routes = [
    ['GET', `${resource}/hubs`],
    ['GET', `${resource}/hubs/chat`],
    ['PUT', `${resource}/hubs/chat`],
    ['DELETE', `${resource}/hubs/chat`],
    ['POST', `${resource}/listKeys`],
    ['POST', `${resource}/regenerateKey`],
    ['GET', resource],
    ['PUT', resource],
    ['PATCH', resource],
    ['DELETE', resource],
    ['GET', group],
    ['GET', `${provider}/webPubSub`],
    ['POST', `${resource}/restart`],
    ['GET', `${resource}/skus`],
    ['GET', `${provider}/locations/here/usages`],
    ['POST', `${provider}/locations/here/checkNameAvailability`],
    ['GET', '/subscriptions'],
    ['GET', '/tenants'],
    ['GET', '/subscriptions/nonsense'],
    ['POST', resource],
  ] as const;

  test.each(['nothing', 'a client token', 'a data-plane token', 'a wrong admin token'])(
    '%s is answered 401',
    async kind => {
      const started = await plain();
      const { service } = started;
      const claims = { exp: inMinutes(5) };
      const key = /AccessKey=([^;]+)/.exec(service.connectionString)?.[1] ?? '';
      const tokens: Record<string, string> = {
        nothing: '',
        'a client token': signToken(
          { ...claims, aud: `${service.publicUrl}/client/hubs/chat`, role: ['webpubsub.sendToGroup'] },
          key,
        ),
        'a data-plane token': signToken({ ...claims, aud: `${service.publicUrl}/api/hubs/chat` }, key),
        'a wrong admin token': `${adminToken}x`,
      };
      const seen = new Set<string>();
      for (const [method, path] of kind === 'nothing' ? routes : routes.slice(0, 9)) {
        const answer = await call(started, path, { method, token: tokens[kind] });
        seen.add(`${answer.status} ${answer.body.error.code} ${answer.headers.get('www-authenticate')}`);
      }
      expect([...seen]).toEqual(['401 AuthenticationFailed Bearer']);
    },
  );

  test('health, metrics and the page of links are shown', async () => {
    const { adminUrl } = await plain();
    for (const path of ['/healthz', '/readyz', '/metrics', '/usage', '/']) {
      expect((await fetch(adminUrl + path)).status).toBe(200);
    }
  });

  test('there are no login routes without TLS, and none with a token that was made at start', async () => {
    const started = await plain();
    for (const path of ['/metadata/endpoints', '/tenant/v2.0/.well-known/openid-configuration']) {
      expect((await call(started, path)).status).toBe(404);
    }
    const form = `grant_type=client_credentials&client_id=x&client_secret=${adminToken}`;
    expect((await call(started, '/tenant/oauth2/v2.0/token', { method: 'POST', body: form })).status).toBe(404);
  });
});

describe('paths', () => {
  test('[RA-103] fixed segments match in any letter case, names keep theirs', async () => {
    const started = await plain();
    const path = `/SUBSCRIPTIONS/${subscription}/resourcegroups/My-Group/Providers/microsoft.signalrservice/WebPubSub/My-Name`;
    expect((await call(started, path)).body).toMatchObject({
      id: `/subscriptions/${subscription}/resourceGroups/My-Group/providers/Microsoft.SignalRService/WebPubSub/My-Name`,
      name: 'My-Name',
    });
    expect((await call(started, `${resource}/`)).status).toBe(200);
  });

  test.each(['/base', '/a/b'])('below the base path %s', async base => {
    const started = await plain();
    expect((await call(started, `${base}${resource}`)).body).toMatchObject({ name: 'name' });
    expect((await call(started, `${base}/subscriptions`)).status).toBe(200);
  });

  test('unknown ones are answered 404, other methods 405 with those that there are', async () => {
    const started = await plain();
    for (const path of [`${resource}/nothing`, '/subscriptions/x/y', `${provider}/signalR`]) {
      expect((await call(started, path)).body).toMatchObject({ error: { code: 'ResourceNotFound' } });
    }
    const refused = await call(started, `${resource}/hubs`, { method: 'POST' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET']);
    expect(refused.body).toMatchObject({ error: { code: 'MethodNotAllowed' } });
    expect((await call(started, `${resource}/listKeys`)).status).toBe(405);
  });

  test('subscription ids are UUIDs', async () => {
    const answer = await call(await plain(), resource.replace(subscription, 'mine'));
    expect([answer.status, answer.body.error.code]).toEqual([400, 'InvalidSubscriptionId']);
  });
});

describe('[management 1.3] api-version', () => {
  test.each([
    ['', 'MissingApiVersionParameter'],
    ['api-version=', 'MissingApiVersionParameter'],
    ['api-version=latest', 'InvalidApiVersionParameter'],
    ['api-version=2024-13-01', 'InvalidApiVersionParameter'],
    ['api-version=2020-05-01', 'InvalidApiVersionParameter'],
    ['api-version=2024-03-01&api-version=2023-02-01', 'InvalidApiVersionParameter'],
  ])('?%s is answered 400', async (query, code) => {
    const { status, body } = await call(await plain(), `${resource}?${query}`);
    expect([status, body.error.code]).toEqual([400, code]);
  });

  test.each(['2021-10-01', '2024-03-01', '2025-03-07', '2026-03-01-preview', '2030-01-01'])(
    '%s is served',
    async date => {
      expect((await call(await plain(), `${resource}?api-version=${date}`)).status).toBe(200);
    },
  );

  test('later previews show presence events, and earlier versions keep what they do not know [MG-008]', async () => {
    const handler = { urlTemplate: 'http://127.0.0.1:1/e', groupPresenceEvents: { eventNames: ['joined'] } };
    const started = await startManaged({
      hasTls: false,
      yaml: JSON.stringify({ hubs: { chat: { eventHandlers: [handler] } } }),
    });
    const hub = `${resource}/hubs/chat`;
    const of = async (date: string) => (await call(started, `${hub}?api-version=${date}`)).body;
    expect((await of('2025-12-01-preview')).properties.eventHandlers[0]).toHaveProperty('groupPresenceEvents');
    const older = await of('2024-03-01');
    expect(older.properties.eventHandlers[0]).not.toHaveProperty('groupPresenceEvents');
    expect((await call(started, `${hub}?api-version=2024-03-01`, { method: 'PUT', body: older })).status).toBe(200);
    expect(await of('2025-12-01-preview')).toMatchObject({ properties: { eventHandlers: [handler] } });
  });
});

describe('bodies', () => {
  test('[management 1.4] of a new hub say that nothing is left to do, and can be sent back', async () => {
    const started = await plain();
    const put = (body: object) => call(started, `${resource}/hubs/added`, { method: 'PUT', body });
    const { status, body } = await put({ properties: {} });
    expect([status, body.properties.provisioningState]).toEqual([201, 'Succeeded']);
    const again = await put(body);
    expect([again.status, again.body.properties]).toEqual([
      200,
      expect.not.objectContaining({ provisioningState: 'Succeeded' }),
    ]);
    expect((await call(started, `${resource}/hubs/added`)).body).toEqual(again.body);
  });

  test.each(['{', '{"properties":', 'x'])('%s is answered 400', async body => {
    const answer = await call(await plain(), `${resource}/hubs/chat`, { method: 'PUT', body });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'InvalidRequestContent']);
  });

  test('[D12] may begin with a byte order mark', async () => {
    const service = await plain();
    const body = '\u{feff}{"properties":{"anonymousConnectPolicy":"allow"}}';
    const answer = await call(service, `${resource}/hubs/marked`, { method: 'PUT', body });
    expect(answer).toMatchObject({ body: { properties: { anonymousConnectPolicy: 'allow' } } });
  });

  test('above 1 MiB are answered 413', async () => {
    const answer = await call(await plain(), `${resource}/hubs/chat`, {
      method: 'PUT',
      body: 'x'.repeat(1024 * 1024 + 1),
    });
    expect([answer.status, answer.body.error.code]).toEqual([413, 'RequestContentTooLarge']);
    expect(answer.body.error.message).toBe('The body has more than 1048576 bytes.');
  });

  test.each([
    [{ webSocketKeepAliveIntervalInSeconds: 0 }, 'properties.webSocketKeepAliveIntervalInSeconds'],
    [{ webSocketKeepAliveIntervalInSeconds: 121 }, 'properties.webSocketKeepAliveIntervalInSeconds'],
    [{ eventHandlers: [{ urlTemplate: 'http://{hub}.example/e' }] }, 'properties.eventHandlers[0].urlTemplate'],
    [
      { eventHandlers: [{ urlTemplate: 'http://a.example', auth: { type: 'Basic' } }] },
      'properties.eventHandlers[0].auth.type',
    ],
    [{ keepAlive: 20 }, 'properties.keepAlive'],
    [{ eventHandlers: [{ userEventPattern: '*' }] }, 'properties.eventHandlers[0].urlTemplate'],
  ])('[MG-026] [RA-102] %j is answered 400 and names the place', async (properties, target) => {
    const answer = await call(await plain(), `${resource}/hubs/chat`, { method: 'PUT', body: { properties } });
    expect([answer.status, answer.body.error.code, answer.body.error.target]).toEqual([
      400,
      'InvalidRequestContent',
      target,
    ]);
    expect(answer.body.error.details).toEqual([expect.objectContaining({ code: 'InvalidRequestContent', target })]);
  });

  test('[MG-027] a managed identity without a resource is answered 400', async () => {
    const eventHandlers = [{ urlTemplate: 'http://a.example', auth: { type: 'ManagedIdentity' } }];
    const answer = await call(await plain(), `${resource}/hubs/chat`, {
      method: 'PUT',
      body: { properties: { eventHandlers } },
    });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'InvalidRequestContent']);
    expect(answer.body.error.target).toMatch(/^properties\.eventHandlers\[0\]\.auth/);
  });

  test.each([{ properties: [] }, { properties: { disableLocalAuth: 'yes' } }, []])(
    'PATCH with %j is answered 400',
    async body => {
      const answer = await call(await plain(), resource, { method: 'PATCH', body });
      expect([answer.status, answer.body.error.code]).toEqual([400, 'InvalidRequestContent']);
    },
  );
});

describe('what account tools read', () => {
  test('one subscription, one tenant, and the provider with its versions', async () => {
    const started = await plain();
    expect((await call(started, '/subscriptions?api-version=2022-12-01')).body.value).toMatchObject([
      { state: 'Enabled' },
    ]);
    expect((await call(started, '/tenants?api-version=2022-12-01')).body.value).toHaveLength(1);
    expect((await call(started, `${provider}?api-version=2019-05-10`)).body).toMatchObject({
      namespace: 'Microsoft.SignalRService',
      registrationState: 'Registered',
    });
  });
});

describe('[MG-028] [RA-106] a change of handlers', () => {
  test('is for the next event of open connections, drops nobody, and shows no state of validation', async () => {
    const { AppServer } = await import('../support/app-server.js');
    const app = await AppServer.start();
    const started = await startManaged({ hasTls: false });
    try {
      const client = await started.dial({ protocols: ['json.webpubsub.azure.v1'] });
      expect(await client.next()).toMatchObject({ event: 'connected' });
      const properties = { eventHandlers: [{ urlTemplate: `${app.url}/{event}`, userEventPattern: '*' }] };
      const put = await call(started, `${resource}/hubs/chat`, { method: 'PUT', body: { properties } });
      expect(put.status).toBe(200);
      client.send({ type: 'event', event: 'vote', dataType: 'text', data: 'x', ackId: 1 });
      expect(await client.next()).toMatchObject({ type: 'ack', ackId: 1, success: true });
      const shown = (await call(started, `${resource}/hubs/chat`)).body.properties;
      expect(Object.keys(shown.eventHandlers[0]).sort()).toEqual(['urlTemplate', 'userEventPattern']);
    } finally {
      app.close();
    }
  });
});

describe('[MG-029] secrets', () => {
  test('are in no log line and in no answer but that of the keys', async () => {
    const secrets = { primary: 'SECRET-primary-key-00000000000000000000000', code: 'SECRET-code-of-the-handler' };
    const yaml = `hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: http://127.0.0.1:1/{event}?code=\${CODE}\n        userEventPattern: "*"\n`;
    const started = await startManaged({
      hasTls: false,
      yaml,
      env: { CODE: secrets.code },
      keyFiles: { primary: secrets.primary },
    });
    const answers: string[] = [];
    const seen = async (path: string, sent?: Sent) => answers.push((await call(started, path, sent)).text);
    await seen(`${resource}/hubs`);
    const hub = (await call(started, `${resource}/hubs/chat`)).body;
    expect(hub.properties.eventHandlers[0].urlTemplate).toContain(`?code=\${CODE}`);
    hub.properties.eventHandlers[0].userEventPattern = 'vote';
    await seen(`${resource}/hubs/chat`, { method: 'PUT', body: hub });
    hub.properties.eventHandlers[0].urlTemplate += `&code=\${UNSET}&{nope`;
    await seen(`${resource}/hubs/chat`, { method: 'PUT', body: hub });
    await seen(`${resource}?access_token=${adminToken}&api-version=2024-03-01`, { token: readToken });
    await seen(`${resource}/nothing?code=${secrets.code}`, { token: 'SECRET-of-a-stranger' });
    await seen(`${resource}/regenerateKey`, { method: 'POST', body: { keyType: 'nothing' } });
    const keys = (await call(started, `${resource}/listKeys`, { method: 'POST' })).body;
    await call(started, `${resource}/regenerateKey`, { method: 'POST', body: { keyType: 'secondary' } });
    const renewed = (await call(started, `${resource}/regenerateKey`, { method: 'POST', body: { keyType: 'primary' } }))
      .body;
    const found = `${answers.join('\n')}\n${started.lines.join('')}`;
    for (const secret of [adminToken, readToken, keys.secondaryKey, renewed.primaryKey, renewed.secondaryKey]) {
      expect(found).not.toContain(secret);
    }
    expect(found).not.toMatch(/SECRET/);
    expect(started.lines.filter(line => line.includes('admin action')).length).toBeGreaterThan(4);
  });
});
