import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { expect, onTestFinished, test } from 'vitest';
import { reply } from '../support/answers.js';
import { fileWith, type RunningService, runHubwire, startService } from '../support/hubwire-process.js';
import { inMinutes, signToken, statusOf } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

/** Each names what it stands for, so that a failure says what leaked. */
const secret = {
  primaryKey: 'SECRET-primary-key-000000000000000000000000',
  secondaryKey: 'SECRET-secondary-key-0000000000000000000000',
  goodCode: 'SECRET-code-of-the-good-upstream',
  pathPart: 'SECRET-path-of-an-upstream',
  badCode: 'SECRET-code-of-the-upstream-that-refuses',
  deadCode: 'SECRET-code-of-the-upstream-that-is-down',
  codeInUnusedVariable: 'SECRET-code-of-a-broken-file',
  clientText: 'SECRET-text-from-a-client',
  upstreamText: 'SECRET-text-from-the-upstream',
  refusalText: 'SECRET-text-of-a-refusal',
  restText: 'SECRET-text-sent-by-rest',
  state: 'SECRET-connection-state',
  cookie: 'SECRET-cookie',
  metadata: 'SECRET-metadata',
  clientHeader: 'SECRET-header-of-a-client',
  clientQuery: 'SECRET-query-of-a-client',
  identityHeader: 'SECRET-of-the-identity-endpoint',
  identityAnswer: 'SECRET-detail-of-the-identity-endpoint',
  entraToken: 'SECRET-entra-token',
} as const;

/** A server for the test. */
async function listen(handle: RequestListener): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An App Service identity endpoint that gives a token for one resource and refuses others, with a detail. */
function identityEndpoint(): Promise<string> {
  return listen((request: IncomingMessage, response) => {
    response.setHeader('Content-Type', 'application/json');
    if (new URL(request.url ?? '', 'http://x').searchParams.get('resource') === 'api://good') {
      const expires_on = String(inMinutes(60));
      response.end(JSON.stringify({ access_token: secret.entraToken, expires_on, token_type: 'Bearer' }));
    } else {
      response.writeHead(400).end(JSON.stringify({ error: 'invalid_scope', error_description: secret.identityAnswer }));
    }
  });
}

/** One hub for each way an upstream may be; `chat` is well. */
function hubsYaml(origin: string): string {
  const all = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
  const identity = (resource: string) => ({ type: 'ManagedIdentity', managedIdentity: { resource } });
  const hub = (urlTemplate: string, more = {}) => ({ eventHandlers: [{ urlTemplate, ...all, ...more }] });
  return JSON.stringify({
    delivery: { retryDelaysInSeconds: [] },
    hubs: {
      chat: hub(`${origin}/{event}?code=\${GOOD_CODE}`),
      refusing: hub(`${origin}/refuse?code=\${BAD_CODE}`),
      hook: hub(`${origin}/hooks/\${HOOK_PATH}/{event}`),
      dead: hub(`http://127.0.0.1:1/{event}?code=\${DEAD_CODE}`),
      entra: hub(`${origin}/entra/{event}`, { auth: identity('api://good') }),
      lost: hub(`${origin}/lost/{event}`, { auth: identity('api://bad') }),
    },
  });
}

const env = (identity: string) => ({
  HUBWIRE_PRIMARY_KEY: secret.primaryKey,
  HUBWIRE_SECONDARY_KEY: secret.secondaryKey,
  GOOD_CODE: secret.goodCode,
  BAD_CODE: secret.badCode,
  HOOK_PATH: secret.pathPart,
  DEAD_CODE: secret.deadCode,
  BROKEN_CODE: secret.codeInUnusedVariable,
  IDENTITY_ENDPOINT: `${identity}/msi/token`,
  IDENTITY_HEADER: secret.identityHeader,
});

/** What clients present; each is looked for in the output as a whole and by its parts. */
interface Tokens {
  readonly good: string;
  readonly expired: string;
  readonly foreign: string;
}

function tokensFor({ publicUrl }: RunningService): Tokens {
  const aud = `${publicUrl}/client/hubs/chat`;
  const more = {
    sub: 'ann',
    role: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup', 'webpubsub.sendToGroups.******'],
  };
  return {
    good: signToken({ aud, exp: inMinutes(5), ...more }, secret.primaryKey),
    expired: signToken({ aud, exp: inMinutes(-60), ...more }, secret.primaryKey),
    foreign: signToken({ aud, exp: inMinutes(5), ...more }, 'SECRET-key-of-somebody-else-000000000000000'),
  };
}

/** Clients with good and bad tokens, in the query and in the header, that send good and bad messages. */
async function exerciseClients(service: RunningService, tokens: Tokens): Promise<void> {
  const { publicUrl, dial } = service;
  const base = publicUrl.replace(/^http/, 'ws');
  for (const token of [tokens.expired, tokens.foreign, `${tokens.good}x`]) {
    expect(await statusOf(dial, { url: `${base}/client/hubs/chat?access_token=${token}` })).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect(await statusOf(dial, { url: `${base}/client/hubs/chat`, headers })).toBe(401);
    expect((await fetch(`${publicUrl}/client/hubs/chat?access_token=${token}`)).status).toBe(400);
    expect((await fetch(`${publicUrl}/nowhere/%zz?access_token=${token}`)).status).toBe(400);
    expect(await statusOf(dial, { url: `${base}/client/hubs/9?access_token=${token}` })).toBe(400);
  }
  const client = await dial({
    url: `${base}/client/hubs/chat?access_token=${tokens.good}&q=${secret.clientQuery}`,
    headers: { 'X-Theirs': secret.clientHeader },
  });
  const ask = (ackId: number, more: object) => client.ask({ type: 'event', event: 'say', ackId, ...more });
  await ask(1, { dataType: 'text', data: secret.clientText, metadata: { k: secret.metadata } });
  await ask(2, { dataType: 'binary', data: Buffer.from(secret.clientText).toString('base64') });
  await client.ask({ type: 'event', event: 'fails', data: secret.clientText, ackId: 3 });
  await client.ask({ type: 'joinGroup', group: 'g', ackId: 4 });
  await client.ask({ type: 'sendToGroup', group: 'g', data: secret.clientText, ackId: 5 });
  client.send(`{"type":"event","event":"${secret.clientText}","data":`);
  expect((await client.closed).code).toBe(1007);
  const plain = await dial({ url: `${base}/client/hubs/chat?access_token=${tokens.good}`, protocols: [] });
  plain.send(secret.clientText);
  await plain.nextFrame();
  await plain.close(1000, 'bye');
  for (const hub of ['refusing', 'dead', 'lost']) {
    const token = signToken({ aud: `${publicUrl}/client/hubs/${hub}`, exp: inMinutes(5) }, secret.primaryKey);
    expect([hub, await statusOf(dial, { url: `${base}/client/hubs/${hub}?access_token=${token}` })]).toEqual([
      hub,
      hub === 'refusing' ? 401 : 500,
    ]);
  }
  const token = signToken({ aud: `${publicUrl}/client/hubs/entra`, exp: inMinutes(5) }, secret.primaryKey);
  expect(await statusOf(dial, { url: `${base}/client/hubs/entra?access_token=${token}` })).toBe(101);
}

/** REST with good and bad keys, tokens and bodies. Answers the tokens that were made for it. */
async function exerciseRest({ publicUrl, connectionString }: RunningService): Promise<string[]> {
  const sdkOf = (key: string) =>
    new WebPubSubServiceClient(connectionString.replace(secret.primaryKey, key), 'chat', {
      allowInsecureConnection: true,
    });
  for (const key of [secret.primaryKey, secret.secondaryKey]) await sdkOf(key).sendToAll(secret.restText);
  await expect(sdkOf(`${secret.primaryKey}x`).sendToAll(secret.restText)).rejects.toMatchObject({ statusCode: 401 });
  const tokens: string[] = [];
  const call = async (path: string, init: RequestInit, more: Record<string, string> = {}) => {
    const token = signToken({ aud: publicUrl + path, exp: inMinutes(5) }, secret.primaryKey);
    tokens.push(token);
    return fetch(publicUrl + path, { method: 'POST', ...init, headers: { authorization: `Bearer ${token}`, ...more } });
  };
  const send = '/api/hubs/chat/:send';
  const statuses = [
    await call(send, { body: `{"bad": ${secret.restText}` }, { 'content-type': 'application/json' }),
    await call(send, { body: `<x>${secret.restText}</x>` }, { 'content-type': 'application/xml' }),
    await call(send, { body: secret.restText.repeat(50_000) }, { 'content-type': 'text/plain' }),
    await call(`${send}?filter=${secret.restText}`, { body: 'x' }, { 'content-type': 'text/plain' }),
    await call(`/api/hubs/9/:send`, { body: secret.restText }, { 'content-type': 'text/plain' }),
    await call('/api/hubs/chat/:nothing', { body: secret.restText }, { 'content-type': 'text/plain' }),
    await call(`${send}?messageTtlSeconds=${secret.restText}`, { body: 'x' }, { 'content-type': 'text/plain' }),
    await call(`${send}?api-version=${secret.restText}`, { body: 'x' }, { 'content-type': 'text/plain' }),
    await call(`/api/hubs/chat/:generateToken?clientType=${secret.restText}`, {}),
    await call(
      '/api/hubs/chat/:addToGroups',
      { body: JSON.stringify({ groups: ['g'], filter: secret.restText }) },
      { 'content-type': 'application/json' },
    ),
  ].map(({ status }) => status);
  expect(statuses).toEqual([400, 415, 400, 400, 400, 404, 400, 400, 400, 400]);
  const minted = await call('/api/hubs/chat/:generateToken?userId=x', {});
  tokens.push(((await minted.json()) as { token: string }).token);
  return tokens;
}

/** Broken files that name variables with secrets, and one that is right. */
async function exerciseReload({ process, file }: RunningService, origin: string): Promise<void> {
  const broken = (urlTemplate: string) =>
    writeFile(
      file,
      JSON.stringify({ hubs: { chat: { eventHandlers: [{ urlTemplate, systemEvents: ['nonsense'] }] } } }),
    );
  await broken(`ftp://x/?code=\${BROKEN_CODE}`);
  await process.find(/the previous configuration is kept:.*urlTemplate/, 'stderr');
  await writeFile(file, hubsYaml(origin).replace('/lost/', '/found/'));
  await process.find(/the new configuration is applied/, 'stderr');
}

/** What of a token must not show: all of it, its claims and its signature. The header part is the same for all. */
function partsOf(token: string): string[] {
  const [, claims = '', signature = ''] = token.split('.');
  return [token, claims, signature];
}

test('[design 6] at the most talkative log level no key, token, code or body gets into output or metrics', async () => {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  const headers = {
    'ce-connectionState': secret.state,
    'Set-Cookie': `c=${secret.cookie}`,
    'Content-Type': 'text/plain',
  };
  upstream.on('connect', ({ url }, response) => {
    if (url.startsWith('/refuse')) response.writeHead(401, { 'Content-Type': 'text/plain' }).end(secret.refusalText);
    else response.writeHead(204, { 'ce-connectionState': secret.state, 'Set-Cookie': `c=${secret.cookie}` }).end();
  });
  upstream.on('say', reply(200, headers, secret.upstreamText));
  upstream.on('message', reply(200, headers, secret.upstreamText));
  upstream.on('fails', reply(500, headers, secret.upstreamText));
  const service = await startService(hubsYaml(upstream.origin), env(await identityEndpoint()), [
    '--log-level',
    'trace',
  ]);
  await service.process.find(/event handler is active/, 'stderr');
  const tokens = tokensFor(service);

  await exerciseClients(service, tokens);
  const restTokens = await exerciseRest(service);
  await exerciseReload(service, upstream.origin);
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  service.process.signal('SIGTERM');
  expect((await service.process.exit).code).toBe(0);

  // `--json` hands the connection string to the program that started the service: that line is asked for, and is the only one.
  const { stdout, stderr } = service.process;
  expect(stdout.split('\n').slice(1)).toEqual(['']);
  const secrets = [...Object.values(secret), ...[...Object.values(tokens), ...restTokens].flatMap(partsOf)];
  const base64 = secrets.map(text => Buffer.from(text).toString('base64').replace(/=+$/, ''));
  expect([...secrets, ...base64].filter(text => stderr.includes(text))).toEqual([]);
  expect([...secrets, ...base64].filter(text => metrics.includes(text))).toEqual([]);
  expect(stderr).not.toMatch(/SECRET|access_token=(?!\*)|eyJ/);
  expect(metrics).not.toMatch(/SECRET|eyJ/);
  // What was exercised did get logged, and the secrets did pass through.
  for (const text of [
    'connection opened',
    'connection refused',
    'event failed',
    'event handler is not active',
    'role ignored',
    'no Entra ID token for api://bad',
    'upgrade answered',
    '"REST call"',
    'REST call refused',
    'chat: first message',
    'messages delivered',
    '"path":"/client/hubs/chat"',
    '"path":"/nowhere/%zz"',
    '"path":"/api/hubs/chat/:send"',
    'The filter is not valid',
  ]) {
    expect(stderr).toContain(text);
  }
  expect(metrics).toMatch(/hubwire_events_total\{hub="refusing",kind="connect",outcome="refused"\} 1/);
  const posts = upstream.requests.filter(({ method }) => method === 'POST');
  expect(posts.some(({ url }) => url.includes(secret.goodCode))).toBe(true);
  expect(posts.some(({ headers: of }) => of.authorization === `Bearer ${secret.entraToken}`)).toBe(true);
});

test('[design 6] validate and the welcome for people show no code and no key', async () => {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  const file = await fileWith(hubsYaml(upstream.origin));
  const variables = env(await identityEndpoint());
  for (const args of [
    ['validate', file],
    ['validate', '--json', file],
  ]) {
    const { code, stdout, stderr } = await runHubwire(args, variables);
    expect(code).toBe(1); // one of the apps is down
    expect(stdout).toContain('code=***');
    expect(stdout + stderr).not.toMatch(/SECRET/);
  }
});

test('[design 6] a file that cannot be used is reported without what its variables hold', async () => {
  const file = await fileWith(`hubs:
  chat:
    anonymousConnectPolicy: \${BROKEN_CODE}
    webSocketKeepAliveIntervalInSeconds: \${BROKEN_CODE}
    eventHandlers:
      - urlTemplate: ftp://x/?code=\${BROKEN_CODE}
        userEventPattern: "a*, \${BROKEN_CODE}"
`);
  for (const args of [
    ['validate', file],
    ['start', '--hubs', file, '--port', '0', '--admin-port', 'any'],
  ]) {
    const { code, stdout, stderr } = await runHubwire(args, env('http://127.0.0.1:1'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.split('\n').filter(line => line.startsWith(file)).length).toBeGreaterThanOrEqual(4);
    expect(stderr).not.toMatch(/SECRET/);
  }
});
