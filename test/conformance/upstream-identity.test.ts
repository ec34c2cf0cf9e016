import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManagedIdentityCredential } from '@azure/identity';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { EntraTokens } from '../../src/auth/entra.js';
import { signer } from '../../src/auth/signature.js';
import { EventHandlers } from '../../src/upstream/event-handlers.js';
import { defaultDelivery } from '../../src/upstream/options.js';
import { AppServer } from '../support/app-server.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingObserver } from '../support/recording-observer.js';

/** An App Service identity endpoint: tokens on loopback, for who knows the secret. */
class IdentityEndpoint {
  readonly asked: { resource: string | null; secret: string | undefined; version: string | null }[] = [];
  lifetimeSeconds = 3600;
  refuses = false;
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));

  reset(): void {
    this.asked.length = 0;
    this.lifetimeSeconds = 3600;
    this.refuses = false;
  }

  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/msi/token`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const resource = query.get('resource');
    const secret = request.headers['x-identity-header'];
    this.asked.push({ resource, secret: String(secret), version: query.get('api-version') });
    response.setHeader('Content-Type', 'application/json');
    if (this.refuses) {
      response.writeHead(400).end(JSON.stringify({ error: 'invalid_scope', error_description: 'HIDDEN-DETAIL' }));
      return;
    }
    const expiresOn = Math.floor(Date.now() / 1000) + this.lifetimeSeconds;
    const token = `${resource}#${this.asked.length}`;
    response.end(
      JSON.stringify({ access_token: token, expires_on: String(expiresOn), resource, token_type: 'Bearer' }),
    );
  }
}

let identity: IdentityEndpoint;
let clock: ManualClock;
let tokens: EntraTokens;
let serial = 0;
/** The library keeps tokens for the whole process, so each test has its own resource. */
let resource: string;

/** The library also reads the endpoint only once in a process. */
beforeAll(async () => {
  identity = new IdentityEndpoint();
  vi.stubEnv('IDENTITY_ENDPOINT', await identity.listen());
  vi.stubEnv('IDENTITY_HEADER', 'identity-secret');
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await identity.close();
});

beforeEach(() => {
  identity.reset();
  clock = new ManualClock(Date.now());
  tokens = new EntraTokens({ clock, credential: new ManagedIdentityCredential() });
  serial += 1;
  resource = `api://app-${serial}`;
});

test('[upstream-events 6.1] the token’s audience is the configured resource', async () => {
  expect(await tokens.token(resource)).toBe(`${resource}#1`);
  expect(identity.asked).toEqual([{ resource, secret: 'identity-secret', version: '2019-08-01' }]);
});

test('many events at once make one request, and later ones none', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => tokens.token(resource)));
  expect(new Set(all)).toEqual(new Set([`${resource}#1`]));
  expect(await tokens.token(resource)).toBe(`${resource}#1`);
  expect(identity.asked).toHaveLength(1);
});

test('[upstream-events 6.1] a token is renewed in the background before it expires', async () => {
  identity.lifetimeSeconds = 120;
  expect(await tokens.token(resource)).toBe(`${resource}#1`);
  clock.advance(61_000);
  expect(await tokens.token(resource)).toBe(`${resource}#1`);
  await vi.waitUntil(async () => (await tokens.token(resource)) === `${resource}#2`);
  expect(identity.asked).toHaveLength(2);
});

test('[upstream-events 6.1] a refusal is a failed delivery that tells no detail, and is not kept', async () => {
  identity.refuses = true;
  const error = await tokens.token(resource).catch((failure: Error) => failure);
  expect(error).toMatchObject({ kind: 'eventFailed', message: expect.stringContaining(resource) });
  expect((error as Error).message).not.toMatch(/HIDDEN-DETAIL|identity-secret/);
  identity.refuses = false;
  expect(await tokens.token(resource)).toMatch(`${resource}#`);
});

test('[UE-113] events carry the token; without one there is no POST', async () => {
  const app = await AppServer.start();
  const observer = new RecordingObserver();
  const sign = signer({ primary: 'k', secondary: undefined });
  const upstream = new EventHandlers({
    origins: ['pubsub.test'],
    originsWithPort: [],
    ports: [],
    sign,
    tokens,
    clock,
    observer,
  });
  const auth = { type: 'ManagedIdentity', resource } as const;
  const eventHandlers = [{ urlTemplate: app.url, systemEvents: [], userEventPattern: '*', auth }];
  await upstream.configure([{ hub: 'chat', eventHandlers }], defaultDelivery);
  const session = upstream.open('chat', 'c1');
  const hi = { dataType: 'text', bytes: Buffer.from('hi'), metadata: undefined } as const;

  identity.refuses = true;
  await expect(session.event('message', hi)).rejects.toMatchObject({ kind: 'eventFailed' });
  expect(app.posts).toHaveLength(0);
  expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 0 }]);

  identity.refuses = false;
  await session.event('message', hi);
  expect(app.posts.map(({ headers }) => headers.authorization)).toEqual([
    expect.stringContaining(`Bearer ${resource}#`),
  ]);
  expect(app.validations.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  expect(observer.faults).toEqual([]);
  await Promise.all([upstream.close(), app.close()]);
});
