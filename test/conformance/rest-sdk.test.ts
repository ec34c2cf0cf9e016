import { type ClientTokenResponse, odata, WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, test } from 'vitest';
import { type StartedHub, startHub } from '../support/start-hub.js';
import type { DialOptions, TestClient } from '../support/test-client.js';

/** The vendor's SDK against a whole service, each of its methods at least once. */
function sdkOf({ connectionString }: StartedHub, hub = 'chat'): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, hub, { allowInsecureConnection: true });
}

interface Member {
  readonly client: TestClient;
  readonly id: string;
}

async function join({ dial }: StartedHub, token: DialOptions['token'] = {}, hub = 'chat'): Promise<Member> {
  const client = await dial({ hub, token });
  const { connectionId } = await client.next();
  return { client, id: connectionId };
}

/** Everything that the client has got and nobody took, as JSON. */
async function heard({ client }: Member): Promise<unknown[]> {
  await client.settle();
  return client.rest.map(({ bytes }) => JSON.parse(bytes.toString()).data);
}

const notExisted = (level: string, target: string) => ({ code: `${level}.${target}.NotExisted`, statusCode: 404 });

describe('sends', () => {
  test('[RA-029] [RA-087] each send, with each option', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const ann = await join(hub, { userId: 'ann', groups: ['g'] });
    const bob = await join(hub, { userId: 'bob', groups: ['g'] });
    await sdk.sendToAll('1', { excludedConnections: [ann.id], messageTtlSeconds: 5 });
    await sdk.sendToAll('2', { filter: odata`userId eq ${'ann'}` });
    await sdk.sendToUser('ann', '3', { filter: "not('x' in groups)" });
    await sdk.sendToUser('ann', 'no', { filter: "'x' in groups" });
    await sdk.sendToConnection(bob.id, '4', { messageTtlSeconds: 0 });
    await sdk.group('g').sendToAll('5', { filter: `connectionId eq '${bob.id}'` });
    await sdk.group('g').sendToAll('6', { excludedConnections: [bob.id], messageTtlSeconds: 300 });
    expect(await heard(ann)).toEqual(['2', '3', '6']);
    expect(await heard(bob)).toEqual(['1', '4', '5']);
  });

  test('[RA-086] [RA-094] a bad filter reaches nobody, and the SDK can read what is wrong with it', async () => {
    const hub = await startHub();
    const member = await join(hub, { userId: 'u', groups: ['g'] });
    const options = { filter: 'userId lt 1' };
    const sends = [
      sdkOf(hub).sendToAll('x', options),
      sdkOf(hub).sendToUser('u', 'x', options),
      sdkOf(hub).group('g').sendToAll('x', options),
    ];
    for (const outcome of await Promise.allSettled(sends)) {
      if (outcome.status === 'fulfilled') expect.unreachable('a bad filter was accepted');
      const { statusCode, message } = outcome.reason as { statusCode: number; message: string };
      expect(statusCode).toBe(400);
      expect(JSON.parse(message).message).toContain("Type 'string', expect 'int'.");
    }
    expect(await heard(member)).toEqual([]);
  });
});

describe('closes', () => {
  test('[RA-049] all, group and user, with excluded and reason, in their own hub only', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const [stays, goes] = [await join(hub, { userId: 'u', groups: ['g'] }), await join(hub, { userId: 'u' })];
    const elsewhere = await join(hub, { userId: 'u', groups: ['g'] }, 'other');
    const butStays = { excluded: [stays.id], reason: 'because' }; // the SDK passes it on, although its types do not name it
    await sdk.closeUserConnections('u', butStays);
    expect((await goes.client.next()).message).toBe('Application server closed the connection. Reason: because');
    expect(await goes.client.closed).toEqual({ code: 1000, reason: '' });
    await sdk.group('g').closeAllConnections(butStays);
    await sdk.closeAllConnections(butStays);
    expect(await sdk.connectionExists(stays.id)).toBe(true);
    await sdk.group('g').closeAllConnections({ reason: 'end' });
    expect((await stays.client.next()).message).toMatch(/ Reason: end$/);
    expect(await sdk.connectionExists(stays.id)).toBe(false);
    expect(await sdkOf(hub, 'other').connectionExists(elsewhere.id)).toBe(true);
  });

  test('[RA-046] [RA-049] nobody there is no error', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    await sdk.closeAllConnections();
    await sdk.closeUserConnections('none');
    await sdk.group('none').closeAllConnections();
    await sdk.closeConnection('none', { reason: 'r' });
  });
});

describe('groups', () => {
  test('[RA-044] [RA-045] what exists', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const { id } = await join(hub, { userId: 'u', groups: ['g'] });
    expect([await sdk.connectionExists(id), await sdk.userExists('u'), await sdk.groupExists('g')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([await sdk.connectionExists('-'), await sdk.userExists('-'), await sdk.groupExists('-')]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('[RA-051] [RA-052] [RA-054] [RA-056] [RA-096] membership of connections and users', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const group = sdk.group('g');
    const member = await join(hub, { userId: 'u' });
    await expect(group.addConnection('none')).rejects.toMatchObject(notExisted('Error', 'Connection'));
    await expect(group.addUser('none')).rejects.toMatchObject(notExisted('Warning', 'User'));
    await group.addConnection(member.id);
    await group.sendToAll('1');
    await group.removeConnection(member.id);
    await group.removeConnection('none');
    await group.sendToAll('no');
    await group.addUser('u');
    await group.sendToAll('2');
    await group.removeUser('u');
    await group.removeUser('none');
    await group.sendToAll('no');
    expect(await heard(member)).toEqual(['1', '2']);
  });

  test('[RA-053] [RA-056] out of all groups, but still here', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const [one, two] = [await join(hub, { groups: ['g', 'h'] }), await join(hub, { userId: 'u', groups: ['g', 'h'] })];
    await sdk.removeConnectionFromAllGroups(one.id);
    await sdk.removeUserFromAllGroups('u');
    await sdk.removeConnectionFromAllGroups('none');
    await sdk.removeUserFromAllGroups('none');
    expect([await sdk.groupExists('g'), await sdk.groupExists('h')]).toEqual([false, false]);
    await sdk.sendToConnection(one.id, 'x');
    await sdk.sendToUser('u', 'y');
    expect([await heard(one), await heard(two)]).toEqual([['x'], ['y']]);
  });

  test('[RA-057] [RA-058] those that match join, at once', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const [ann, bob] = [await join(hub, { userId: 'ann' }), await join(hub, { userId: 'bob' })];
    await sdk.addConnectionsToGroups(['g', 'h'], "userId eq 'ann'");
    await sdk.group('g').sendToAll('1');
    await sdk.addConnectionsToGroups(['g'], '');
    await sdk.group('g').sendToAll('2');
    await sdk.removeConnectionsFromGroups(['g', 'h'], odata`userId eq ${'ann'}`);
    await sdk.group('g').sendToAll('3');
    expect([await heard(ann), await heard(bob)]).toEqual([
      ['1', '2'],
      ['2', '3'],
    ]);
    expect(await sdk.groupExists('h')).toBe(false);
  });

  test('[RA-059] [RA-060] [RA-062] all or nothing, and as things were before', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const members = [await join(hub, { groups: ['x', 'y'] }), await join(hub, { groups: ['x', 'y'] })];
    await expect(sdk.addConnectionsToGroups(['z', ' '], '')).rejects.toMatchObject({ statusCode: 400 });
    await expect(sdk.addConnectionsToGroups(['z'], ' ')).rejects.toMatchObject({ statusCode: 400 });
    await expect(sdk.removeConnectionsFromGroups(['x'], 'nonsense')).rejects.toMatchObject({ statusCode: 400 });
    expect([await sdk.groupExists('z'), await sdk.groupExists('x')]).toEqual([false, true]);
    await sdk.removeConnectionsFromGroups(['x', 'y'], "'x' in groups");
    expect([await sdk.groupExists('x'), await sdk.groupExists('y')]).toEqual([false, false]);
    expect(members).toHaveLength(2);
  });

  test('[RA-059] ten thousand groups in one call', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const member = await join(hub);
    const groups = Array.from({ length: 10_000 }, (_, index) => `group-${index}`);
    await sdk.addConnectionsToGroups(groups, '');
    expect(await sdk.groupExists('group-9999')).toBe(true);
    await sdk.removeConnectionFromAllGroups(member.id);
    expect(await sdk.groupExists('group-0')).toBe(false);
  });

  test('[RA-063] [RA-064] [RA-065] [RA-066] the SDK walks through the pages', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const members = [];
    for (let index = 0; index < 5; index += 1)
      members.push(await join(hub, { userId: `u${index}`, groups: ['a/b ?'] }));
    members.push(await join(hub, { groups: ['a/b ?'] }));
    const list = async (group: string, options: object) => {
      const found = [];
      for await (const one of await sdk.group(group).listConnections(options)) found.push(one);
      return found;
    };
    const all = await list('a/b ?', { maxPageSize: 2 });
    expect(all.map(({ connectionId }) => connectionId)).toEqual(members.map(({ id }) => id).sort());
    expect(all.map(({ userId }) => userId ?? null)).toContain(null);
    expect(await list('a/b ?', { maxPageSize: 2, top: 5 })).toHaveLength(5);
    expect(await list('a/b ?', {})).toEqual(all);
    expect(await list('none', {})).toEqual([]);
  });
});

describe('permissions', () => {
  test('[RA-071] [RA-075] [RA-077] grant, check and revoke take effect with the next request', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const { client, id } = await join(hub);
    const may = (targetName: string) => sdk.hasPermission(id, 'joinLeaveGroup', { targetName });
    const tryToJoin = async (group: string, ackId: number) =>
      (await client.ask({ type: 'joinGroup', group, ackId })).success;
    expect([await may('g'), await tryToJoin('g', 1)]).toEqual([false, false]);
    await sdk.grantPermission(id, 'joinLeaveGroup', { targetName: 'g' });
    await sdk.grantPermission(id, 'joinLeaveGroup', { targetName: '*' });
    expect([await may('g'), await may('*'), await may('h')]).toEqual([true, true, false]);
    expect([await tryToJoin('g', 2), await tryToJoin('h', 3)]).toEqual([true, false]);
    await sdk.revokePermission(id, 'joinLeaveGroup', { targetName: 'g' });
    expect([await may('g'), await sdk.groupExists('g')]).toEqual([false, true]);
  });

  test('[RA-072] [RA-073] unknown connections, and a missing target', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const target = { targetName: 'g' };
    await expect(sdk.grantPermission('none', 'sendToGroup', target)).rejects.toMatchObject(
      notExisted('Info', 'Connection'),
    );
    await sdk.revokePermission('none', 'sendToGroup', target);
    expect(await sdk.hasPermission('none', 'sendToGroup', target)).toBe(false);
    for (const call of ['grantPermission', 'revokePermission', 'hasPermission'] as const) {
      await expect(sdk[call]('none', 'sendToGroup')).rejects.toMatchObject({ statusCode: 400 });
    }
  });

  test('[RA-076] a revocation wins over the role for that group, until the next grant', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const { id } = await join(hub, { roles: ['webpubsub.sendToGroup'] });
    const may = (targetName: string) => sdk.hasPermission(id, 'sendToGroup', { targetName });
    await sdk.revokePermission(id, 'sendToGroup', { targetName: 'g' });
    expect([await may('g'), await may('h')]).toEqual([false, true]);
    await sdk.grantPermission(id, 'sendToGroup', { targetName: 'g' });
    expect(await may('g')).toBe(true);
  });

  test('[RA-078] the 1001st single group is a conflict and changes nothing', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const { id } = await join(hub);
    const { service } = hub;
    for (let index = 0; index < 1000; index += 1) {
      await service.hubs.get('chat').grantPermission(id, 'sendToGroup', `g${index}`);
    }
    await expect(sdk.grantPermission(id, 'sendToGroup', { targetName: 'more' })).rejects.toMatchObject({
      statusCode: 409,
      code: 'Error.Connection.Conflict',
    });
    expect(await sdk.hasPermission(id, 'sendToGroup', { targetName: 'more' })).toBe(false);
    expect(await sdk.hasPermission(id, 'sendToGroup', { targetName: 'g999' })).toBe(true);
  });
});

describe('tokens', () => {
  test('[RA-081] a token that the SDK makes connects, and joins its groups', async () => {
    const hub = await startHub();
    const sdk = sdkOf(hub);
    const { url }: ClientTokenResponse = await sdk.getClientAccessToken({
      userId: 'u',
      groups: ['g'],
      roles: ['webpubsub.sendToGroup'],
      expirationTimeInMinutes: 5,
    });
    const client = await hub.dial({ url });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'u' });
    expect(await sdk.groupExists('g')).toBe(true);
  });
});
