import { odata, WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, test } from 'vitest';
import { type StartedHub, startHub } from '../support/start-hub.js';

/** Names that are ordinary to the service, and special to URLs, headers, filters or SDKs. */
const names = [
  'a/b',
  '/',
  'a//b',
  '../x',
  'a/../b',
  'a b',
  'a+b',
  '+',
  'a:b',
  ':send',
  'users/bob:send',
  'a%b',
  '%',
  'a%2Fb',
  '%25',
  '#?',
  'a?b=c&d',
  'a&b',
  "o'neil",
  "'",
  "''",
  '"quoted"',
  'a,b;c',
  'a=b',
  'a\\b',
  'a|b',
  '[x]',
  '{x}',
  '*',
  '...',
  'Café',
  'İrem', // longer in lower case
  '日本',
  '😀',
  'e\u0301',
  'a@b.c',
  'groups',
  'connections',
  '__proto__',
];

function sdkOf({ connectionString }: StartedHub): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
}

/** A service with one bystander, who must get nothing of what is for others. */
async function start() {
  const hub = await startHub();
  const bystander = await hub.dial({ token: { userId: 'bystander', groups: ['bystanders'] } });
  await bystander.next();
  return { hub, sdk: sdkOf(hub), bystander };
}

describe('[D22] through the vendor’s SDK', () => {
  test.each(names)('group %j: joined, sent to, left and closed, and no other', async name => {
    const { hub, sdk, bystander } = await start();
    const group = sdk.group(name);
    const byToken = await hub.dial({ token: { groups: [name] } });
    const byCall = await hub.dial({ token: { userId: 'u' } });
    await byToken.next();
    const { connectionId } = await byCall.next();
    await group.addConnection(connectionId);
    await group.sendToAll('1');
    expect(await byToken.next()).toMatchObject({ group: name, data: '1' });
    expect(await byCall.next()).toMatchObject({ group: name, data: '1' });
    await sdk.grantPermission(connectionId, 'sendToGroup', { targetName: name });
    expect(await sdk.hasPermission(connectionId, 'sendToGroup', { targetName: name })).toBe(true);
    await sdk.revokePermission(connectionId, 'sendToGroup', { targetName: name });
    expect(await sdk.hasPermission(connectionId, 'sendToGroup', { targetName: name })).toBe(false);
    await group.removeConnection(connectionId);
    await group.addUser('u');
    await group.removeUser('u');
    await group.sendToAll('2');
    expect(await byToken.next()).toMatchObject({ data: '2' });
    expect(await sdk.groupExists(name)).toBe(true);
    await group.closeAllConnections();
    await byToken.closed;
    expect(await sdk.groupExists(name)).toBe(false);
    for (const other of [byCall, bystander]) {
      await other.settle();
      expect(other.rest).toEqual([]);
    }
  });

  test.each(names)('user %j: found, sent to and closed, and no other', async name => {
    const { hub, sdk, bystander } = await start();
    const client = await hub.dial({ token: { userId: name } });
    expect(await client.next()).toMatchObject({ userId: name });
    expect(await sdk.userExists(name)).toBe(true);
    await sdk.sendToUser(name, '1');
    expect(await client.next()).toMatchObject({ data: '1' });
    await sdk.group('g').addUser(name);
    await sdk.group('g').sendToAll('2');
    expect(await client.next()).toMatchObject({ data: '2' });
    await sdk.group('g').removeUser(name);
    await sdk.removeUserFromAllGroups(name);
    await sdk.closeUserConnections(name);
    await client.closed;
    expect(await sdk.userExists(name)).toBe(false);
    await bystander.settle();
    expect(bystander.rest).toEqual([]);
  });
});

test('[D23] each of these names in OData filters of the SDK', async () => {
  const { hub, sdk, bystander } = await start();
  for (const name of names) {
    const client = await hub.dial({ token: { userId: name, groups: [name] } });
    await client.next();
    await sdk.sendToAll('user', { filter: odata`userId eq ${name}` });
    await sdk.sendToAll('group', { filter: odata`${name} in groups` });
    await sdk.sendToAll('other', {
      filter: odata`userId ne ${name} and not(${name} in groups) and userId ne 'bystander'`,
    });
    await client.settle();
    expect(client.rest.map(({ bytes }) => JSON.parse(bytes.toString()).data)).toEqual(['user', 'group']);
    await client.close();
  }
  await bystander.settle();
  expect(bystander.rest).toEqual([]);
});

describe('[D29] through the vendor’s SDK', () => {
  test('an empty text, an empty JSON text and a binary of 0 bytes arrive as such', async () => {
    const { hub, sdk } = await start();
    const client = await hub.dial();
    await client.next();
    await sdk.sendToAll('', { contentType: 'text/plain' });
    await sdk.sendToAll('');
    await sdk.sendToAll(new Uint8Array(0).buffer);
    expect(await client.next()).toMatchObject({ dataType: 'text', data: '' });
    expect(await client.next()).toMatchObject({ dataType: 'json', data: '' });
    expect(await client.next()).toMatchObject({ dataType: 'binary', data: '' });
  });

  test('ackId 0 is an ackId, and a second one is a duplicate', async () => {
    const { hub } = await start();
    const client = await hub.dial({ token: { roles: ['webpubsub.joinLeaveGroup'] } });
    await client.next();
    const join = { type: 'joinGroup', group: 'g', ackId: 0 };
    expect(await client.ask(join)).toMatchObject({ ackId: 0, success: true });
    expect(await client.ask(join)).toMatchObject({ ackId: 0, success: false, error: { name: 'Duplicate' } });
  });
});
