import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, onTestFinished, test } from 'vitest';
import { signer } from '../../src/auth/signature.js';
import { AppServer } from '../support/app-server.js';
import { startManaged } from '../support/managed-service.js';
import { recoveryQuery, reliableProtocol } from '../support/reliable-client.js';

const group = 'rg';
const name = 'name';
const first = '1'.repeat(44);
const second = '2'.repeat(44);

function dataPlane(connectionString: string | undefined): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString ?? '', 'chat', { allowInsecureConnection: true });
}

test.each([
  ['two key files', { primary: first, secondary: second }],
  ['one key file', { primary: first }],
  ['the development key', undefined],
])('[MG-014] both connection strings of listKeys work in the SDK: %s', async (_what, keyFiles) => {
  const { client, folder } = await startManaged(keyFiles === undefined ? {} : { keyFiles });
  const { arm } = client();
  const { primaryConnectionString, secondaryConnectionString, secondaryKey } = await arm.webPubSub.listKeys(
    group,
    name,
  );
  for (const text of [primaryConnectionString, secondaryConnectionString]) {
    expect(await dataPlane(text).userExists('nobody')).toBe(false);
  }
  expect((await arm.webPubSub.listKeys(group, name)).secondaryKey).toBe(secondaryKey);
  if (keyFiles === undefined || 'secondary' in keyFiles) return;
  expect(await readFile(join(folder, 'primary.key.secondary'), 'utf8')).toBe(`${secondaryKey}\n`);
});

describe('[MG-016] after one key was regenerated', () => {
  async function start() {
    const app = await AppServer.start();
    onTestFinished(() => app.close());
    const handler = `urlTemplate: "${app.url}/{event}", userEventPattern: "*"`;
    const yaml = `hubs:\n  chat:\n    eventHandlers:\n      - { ${handler} }\n`;
    const started = await startManaged({ yaml, keyFiles: { primary: first, secondary: second } });
    return { ...started, app, arm: started.client().arm };
  }

  test('tokens of the other one work, old ones of it do not, connections stay, and events carry both signatures', async () => {
    const { service, dial, arm, app } = await start();
    const before = await arm.webPubSub.listKeys(group, name);
    const client = await dial();
    const { connectionId } = (await client.next()) as { connectionId: string };
    const {
      primaryKey = '',
      secondaryKey,
      primaryConnectionString,
    } = await arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'Primary' });
    expect(secondaryKey).toBe(second);
    await expect(dataPlane(before.primaryConnectionString).userExists('x')).rejects.toMatchObject({ statusCode: 401 });
    expect(await dataPlane(before.secondaryConnectionString).userExists('x')).toBe(false);
    expect(await dataPlane(primaryConnectionString).userExists('x')).toBe(false);
    expect(service.connectionString).toContain(primaryKey);
    expect(await client.ask({ type: 'event', event: 'e', dataType: 'text', data: 'x', ackId: 1 })).toMatchObject({
      success: true,
    });
    const signature = signer({ primary: primaryKey, secondary: second })(connectionId);
    expect(app.posts.at(-1)?.headers['ce-signature']).toBe(signature);
  });

  test('a session recovers with a token that the other key signed', async () => {
    const { dial, arm } = await start();
    const client = await dial({ protocols: [reliableProtocol] });
    const { connectionId, reconnectionToken: token } = (await client.next()) as {
      connectionId: string;
      reconnectionToken: string;
    };
    await arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'Secondary' });
    client.ws.terminate();
    await client.closed;
    const query = recoveryQuery({ connectionId, token });
    const recovered = await dial({ protocols: [reliableProtocol], token: null, query });
    expect(await recovered.next()).toMatchObject({ event: 'connected', connectionId });
  });

  test('by hand, in the file, the next token counts', async () => {
    const { folder, arm, service } = await start();
    const third = '3'.repeat(44);
    await writeFile(join(folder, 'primary.key'), third);
    await expect.poll(() => service.connectionString, { timeout: 15_000, interval: 100 }).toContain(third);
    expect((await arm.webPubSub.listKeys(group, name)).primaryKey).toBe(third);
  });
});

test('[MG-017] Salt changes nothing, letter case does not count, and another type is answered 400', async () => {
  const { client } = await startManaged({ keyFiles: { primary: first, secondary: second } });
  const { arm } = client();
  const keys = await arm.webPubSub.listKeys(group, name);
  expect(await arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'Salt' })).toEqual(keys);
  const renewed = await arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'secondary' });
  expect([renewed.primaryKey, renewed.secondaryKey === keys.secondaryKey]).toEqual([keys.primaryKey, false]);
  await expect(arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'Tertiary' })).rejects.toMatchObject({
    statusCode: 400,
    code: 'InvalidRequestContent',
    message: 'keyType must be Primary, Secondary or Salt',
  });
});

test('[MG-015] the development key, and one of a variable, are answered 409', async () => {
  const { client } = await startManaged();
  await expect(
    client().arm.webPubSub.beginRegenerateKeyAndWait(group, name, { keyType: 'Primary' }),
  ).rejects.toMatchObject({
    statusCode: 409,
    code: 'Conflict',
    message: expect.stringContaining('the development key cannot be changed'),
  });
});
