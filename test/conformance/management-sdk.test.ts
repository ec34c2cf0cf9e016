import { WebPubSubManagementClient } from '@azure/arm-webpubsub';
import { createClientPipeline } from '@azure/core-client';
import { ClientSecretCredential } from '@azure/identity';
import { describe, expect, test } from 'vitest';
import { adminToken, readToken, startManaged, subscription } from '../support/managed-service.js';
import { firstCertificate } from './rest-certificates.js';

const group = 'any-group';
const name = 'any-name';

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

describe('[MG-020] @azure/arm-webpubsub over HTTPS makes one request for each call', () => {
  test('[RA-098] [RA-099] [RA-100] [RA-101] hubs are created, read, listed, replaced and removed', async () => {
    const { client, text } = await startManaged();
    const { arm, taken } = client();
    const eventHandlers = [
      { urlTemplate: 'http://127.0.0.1:1/{event}', userEventPattern: '*' },
      {
        urlTemplate: 'http://127.0.0.1:1/second',
        systemEvents: ['connected', 'disconnected'],
        auth: { type: 'ManagedIdentity', managedIdentity: { resource: 'uri://myUri' } },
      },
    ];
    const created = await arm.webPubSubHubs.beginCreateOrUpdateAndWait('MyHub', group, name, {
      properties: { eventHandlers },
    });
    expect(taken()).toBe(1);
    expect(created).toMatchObject({
      id: `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.SignalRService/WebPubSub/${name}/hubs/MyHub`,
      name: 'MyHub',
      type: 'Microsoft.SignalRService/WebPubSub/hubs',
      properties: { eventHandlers, anonymousConnectPolicy: 'deny', webSocketKeepAliveIntervalInSeconds: 20 },
    });
    expect(await text()).toContain('MyHub:');

    expect(await arm.webPubSubHubs.get('myhub', group, name)).toMatchObject({
      name: 'MyHub',
      properties: { eventHandlers },
    });
    expect(taken()).toBe(1);
    expect((await all(arm.webPubSubHubs.list(group, name))).map(hub => hub.name)).toEqual(['chat', 'MyHub']);
    expect(taken()).toBe(1);

    const properties = { eventHandlers: [], anonymousConnectPolicy: 'allow' };
    const replaced = await arm.webPubSubHubs.beginCreateOrUpdateAndWait('MyHub', group, name, { properties });
    expect(taken()).toBe(1);
    expect(replaced.properties).toMatchObject({ anonymousConnectPolicy: 'allow' });

    await arm.webPubSubHubs.beginDeleteAndWait('MyHub', group, name);
    await arm.webPubSubHubs.beginDeleteAndWait('MyHub', group, name);
    expect(taken()).toBe(2);
    await expect(arm.webPubSubHubs.get('MyHub', group, name)).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceNotFound',
    });
    expect(await text()).not.toContain('MyHub:');
  });

  test('[RA-104] keys are listed and regenerated', async () => {
    const { client, service } = await startManaged({
      keyFiles: { primary: 'p'.repeat(44), secondary: 's'.repeat(44) },
    });
    const { arm, taken } = client();
    const keys = await arm.webPubSub.listKeys(group, name);
    expect(taken()).toBe(1);
    expect(keys).toEqual({
      primaryKey: 'p'.repeat(44),
      secondaryKey: 's'.repeat(44),
      primaryConnectionString: service.connectionString,
      secondaryConnectionString: service.connectionString.replace(/p{44}/, 's'.repeat(44)),
    });
    const renewed = await arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'Primary' });
    expect(taken()).toBe(1);
    expect(renewed.primaryKey).not.toBe(keys.primaryKey);
    expect(renewed.secondaryKey).toBe(keys.secondaryKey);
    expect(await arm.webPubSub.listKeys(group, name)).toEqual(renewed);
  });

  test('the resource is read, listed, and changed in hubs.yaml', async () => {
    const { client, service, text } = await startManaged();
    const { arm, taken } = client();
    const { port } = new URL(service.publicUrl);
    const resource = await arm.webPubSub.get(group, name);
    expect(taken()).toBe(1);
    expect(resource).toMatchObject({
      name,
      hostName: 'localhost',
      publicPort: Number(port),
      serverPort: Number(port),
      provisioningState: 'Succeeded',
      version: 'test',
      disableLocalAuth: false,
      disableAadAuth: false,
      publicNetworkAccess: 'Enabled',
    });
    expect((await all(arm.webPubSub.listBySubscription())).map(({ id }) => id)).toEqual([
      `/subscriptions/${subscription}/resourceGroups/local/providers/Microsoft.SignalRService/WebPubSub/hubwire`,
    ]);
    expect(await all(arm.webPubSub.listByResourceGroup(group))).toMatchObject([{ name: 'hubwire' }]);
    expect(taken()).toBe(2);

    const parameters = { location: 'westeurope', sku: { name: 'Free_F1' }, tags: { team: 'a' }, disableAadAuth: true };
    const changed = await arm.webPubSub.beginCreateOrUpdateAndWait(group, name, parameters);
    expect(taken()).toBe(1);
    expect(changed).toMatchObject(parameters);
    expect(await text()).toMatch(/^auth:\n {2}disableAadAuth: true$/m);
    expect(await arm.webPubSub.beginUpdateAndWait(group, name, { location: '', disableAadAuth: false })).toMatchObject({
      disableAadAuth: false,
    });
    expect(taken()).toBe(1);
    await expect(arm.webPubSub.beginDeleteAndWait(group, name)).rejects.toMatchObject({
      statusCode: 409,
      code: 'Conflict',
    });
  });

  test('lists of what this service does not have are empty', async () => {
    const { client } = await startManaged();
    const { arm, taken } = client();
    expect(await arm.webPubSub.listSkus(group, name)).toMatchObject({ value: [] });
    const lists = [
      arm.usages.list('westeurope'),
      arm.webPubSubReplicas.list(group, name),
      arm.webPubSubCustomDomains.list(group, name),
      arm.webPubSubCustomCertificates.list(group, name),
      arm.webPubSubPrivateEndpointConnections.list(group, name),
      arm.webPubSubPrivateLinkResources.list(group, name),
      arm.webPubSubSharedPrivateLinkResources.list(group, name),
    ];
    for (const list of lists) expect(await all<unknown>(list)).toEqual([]);
    expect(taken()).toBe(1 + lists.length);
    const type = 'Microsoft.SignalRService/WebPubSub';
    expect(await arm.webPubSub.checkNameAvailability('westeurope', { type, name: 'x' })).toEqual({
      nameAvailable: true,
    });
  });

  test('a restart closes the clients, and lets them come back', async () => {
    const { client, dial, service } = await startManaged();
    const { arm, taken } = client();
    const clients = await Promise.all([dial(), dial()]);
    for (const each of clients) await each.next();
    await arm.webPubSub.beginRestartAndWait(group, name);
    expect(taken()).toBe(1);
    for (const each of clients) {
      expect(await each.next()).toMatchObject({ event: 'disconnected' });
      expect((await each.closed).code).toBe(1001);
    }
    const metrics = await metricsOf(service.adminUrl ?? '');
    expect(metrics).toMatch(/^hubwire_connections_closed_total\{.*category="ServiceReload"\} 2$/m);
    expect(await (await dial()).next()).toMatchObject({ event: 'connected' });
  });
});

async function metricsOf(adminUrl: string): Promise<string> {
  const { text } = await import('node:stream/consumers');
  const { get } = await import('node:https');
  return new Promise((resolve, reject) => {
    get(`${adminUrl}/metrics`, { ca: firstCertificate.cert }, response => resolve(text(response))).on('error', reject);
  });
}

describe('other ways to the API', () => {
  test('the client with an endpoint that has a base path', async () => {
    const { adminUrl } = await startManaged();
    const credential = { getToken: async () => ({ token: adminToken, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    const arm = new WebPubSubManagementClient(credential, subscription, {
      endpoint: `${adminUrl}/some/base`,
      tlsOptions: { ca: firstCertificate.cert },
    });
    expect((await all(arm.webPubSubHubs.list(group, name))).map(hub => hub.name)).toEqual(['chat']);
  });

  test('[MG-022] the client over plain HTTP, with a policy of one’s own', async () => {
    const { adminUrl } = await startManaged({ hasTls: false });
    expect(adminUrl).toMatch(/^http:/);
    const pipeline = createClientPipeline({});
    pipeline.addPolicy({
      name: 'bearerTokenAuthenticationPolicy',
      sendRequest(request, next) {
        request.allowInsecureConnection = true;
        request.headers.set('authorization', `Bearer ${adminToken}`);
        return next(request);
      },
    });
    const arm = new WebPubSubManagementClient({ getToken: async () => null }, subscription, {
      endpoint: adminUrl,
      pipeline,
    });
    expect((await all(arm.webPubSubHubs.list(group, name))).map(hub => hub.name)).toEqual(['chat']);
    expect(await arm.webPubSub.get(group, name)).toMatchObject({ name });
  });

  test('[MG-025] the client with the read token reads, and is told what it lacks', async () => {
    const { client } = await startManaged();
    const { arm } = client(readToken);
    expect((await all(arm.webPubSubHubs.list(group, name))).map(hub => hub.name)).toEqual(['chat']);
    const refused = { statusCode: 403, code: 'AuthorizationFailed' };
    await expect(arm.webPubSub.listKeys(group, name)).rejects.toMatchObject(refused);
    await expect(arm.webPubSubHubs.beginDeleteAndWait('chat', group, name)).rejects.toMatchObject(refused);
  });
});

describe('[management 1.6] ClientSecretCredential logs in with the admin token', () => {
  const tenant = '99999999-8888-4777-8666-555555555555';
  const credentialOf = (adminUrl: string, secret: string) =>
    new ClientSecretCredential(tenant, 'hubwire', secret, {
      authorityHost: adminUrl,
      disableInstanceDiscovery: true,
      tlsOptions: { ca: firstCertificate.cert },
      retryOptions: { maxRetries: 0 },
    } as object);

  test('and its token is that of the admin', async () => {
    const { adminUrl } = await startManaged();
    const arm = new WebPubSubManagementClient(credentialOf(adminUrl, adminToken), subscription, {
      endpoint: adminUrl,
      tlsOptions: { ca: firstCertificate.cert },
    });
    expect((await all(arm.webPubSubHubs.list(group, name))).map(hub => hub.name)).toEqual(['chat']);
    expect((await arm.webPubSub.listKeys(group, name)).primaryKey).toBeDefined();
  });

  test('another secret is refused', async () => {
    const { adminUrl } = await startManaged();
    const credential = credentialOf(adminUrl, readToken);
    await expect(credential.getToken(`${adminUrl}/.default`)).rejects.toThrow(/invalid_client/);
  });
});
