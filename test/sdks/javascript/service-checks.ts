import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { type Bench, type Checks, expectEqual, failureOf, hubName, notOffered, text } from './checks.js';
import { expectMembers } from './members.js';

export const tokenChecks: Checks = {
  async getClientAccessToken(bench) {
    const userId = bench.own('user');
    expectEqual((await bench.receiver({ userId })).userId, userId, 'userId');
    expectEqual((await bench.receiver()).userId, null, 'userId of a token without one');
  },
  async 'getClientAccessToken.groups'(bench) {
    const group = bench.own('group');
    await expectMembers(bench, group, [await bench.receiver({ groups: [group] })], [await bench.receiver()]);
  },
  async 'getClientAccessToken.roles'(bench) {
    const group = bench.own('group');
    const allowed = await bench.receiver({ roles: [`webpubsub.joinLeaveGroup.${group}`] });
    expectEqual((await allowed.ask({ type: 'joinGroup', group })).success, true, 'joining with the role');
    const denied = await bench.receiver();
    expectEqual((await denied.ask({ type: 'joinGroup', group })).error?.name, 'Forbidden', 'joining without it');
  },
  generateClientToken: notOffered('called with Entra credentials over TLS only; with a key the SDK signs by itself'),
  getServiceStatus: notOffered('no such method'),
  async reverseProxyEndpoint(bench) {
    const receiver = await bench.receiver();
    const options = { allowInsecureConnection: true, reverseProxyEndpoint: bench.unsteadyEndpoint };
    const proxied = new WebPubSubServiceClient(bench.connectionString, hubName, options);
    await proxied.sendToConnection(receiver.connectionId, 'through the proxy', text);
    expectEqual((await receiver.next()).data, 'through the proxy', 'what arrived');
  },
};

export const existenceChecks: Checks = {
  async connectionExists(bench) {
    const { connectionId } = await bench.receiver();
    expectEqual(await bench.service.connectionExists(connectionId), true, 'one that is open');
    expectEqual(await bench.service.connectionExists('nobody'), false, 'one that never was');
  },
  async groupExists(bench) {
    const group = bench.own('group');
    expectEqual(await bench.service.groupExists(group), false, 'without a member');
    await bench.receiver({ groups: [group] });
    expectEqual(await bench.service.groupExists(group), true, 'with a member');
  },
  async userExists(bench) {
    const userId = bench.own('user');
    expectEqual(await bench.service.userExists(userId), false, 'without a connection');
    await bench.receiver({ userId });
    expectEqual(await bench.service.userExists(userId), true, 'with a connection');
  },
};

export const permissionChecks: Checks = {
  async grantPermission(bench) {
    const targetName = bench.own('group');
    const receiver = await bench.receiver();
    await bench.service.grantPermission(receiver.connectionId, 'joinLeaveGroup', { targetName });
    await bench.service.grantPermission(receiver.connectionId, 'sendToGroup', { targetName });
    expectEqual((await receiver.ask({ type: 'joinGroup', group: targetName }, 1)).success, true, 'joining');
    const send = { type: 'sendToGroup', group: targetName, noEcho: true, data: 1 };
    expectEqual((await receiver.ask(send, 2)).success, true, 'sending');
    const failure = await failureOf(bench.service.grantPermission('nobody', 'sendToGroup', { targetName }));
    expectEqual(failure.statusCode, 404, 'status for an unknown connection');
  },
  async revokePermission(bench) {
    const targetName = bench.own('group');
    const receiver = await bench.receiver({ roles: ['webpubsub.joinLeaveGroup'] });
    await bench.service.revokePermission(receiver.connectionId, 'joinLeaveGroup', { targetName });
    const { error } = await receiver.ask({ type: 'joinGroup', group: targetName }, 1);
    expectEqual(error?.name, 'Forbidden', 'joining the group');
    expectEqual((await receiver.ask({ type: 'joinGroup', group: bench.own('other') }, 2)).success, true, 'another');
    await bench.service.revokePermission('nobody', 'joinLeaveGroup', { targetName });
  },
  async checkPermission(bench) {
    const { service } = bench;
    const targetName = bench.own('group');
    const { connectionId } = await bench.receiver({ roles: [`webpubsub.sendToGroup.${targetName}`] });
    expectEqual(await service.hasPermission(connectionId, 'sendToGroup', { targetName }), true, 'by role');
    expectEqual(await service.hasPermission(connectionId, 'joinLeaveGroup', { targetName }), false, 'not given');
    await service.grantPermission(connectionId, 'joinLeaveGroup', { targetName });
    expectEqual(await service.hasPermission(connectionId, 'joinLeaveGroup', { targetName }), true, 'granted');
    expectEqual(await service.hasPermission('nobody', 'sendToGroup', { targetName }), false, 'unknown connection');
  },
};

/** Members of a group as the SDK pages through them. */
async function pagesOf(bench: Bench, group: string, options: { maxPageSize?: number; top?: number }) {
  const members: { connectionId: string; userId?: string }[] = [];
  for await (const member of await bench.service.group(group).listConnections(options)) members.push(member);
  return members;
}

export const listChecks: Checks = {
  async listConnectionsInGroup(bench) {
    const [group, userId] = [bench.own('group'), bench.own('user')];
    const [known, anonymous] = [
      await bench.receiver({ userId, groups: [group] }),
      await bench.receiver({ groups: [group] }),
    ];
    const listed = new Map(
      (await pagesOf(bench, group, {})).map(member => [member.connectionId, member.userId ?? null]),
    );
    expectEqual(listed.size, 2, 'members');
    expectEqual(listed.get(known.connectionId), userId, 'userId of the one');
    expectEqual(listed.get(anonymous.connectionId), null, 'userId of the other');
    expectEqual(await pagesOf(bench, bench.own('empty'), {}), [], 'a group without members');
  },
  async 'listConnectionsInGroup.paging'(bench) {
    const group = bench.own('group');
    const ids = new Set<string>();
    for (let count = 0; count < 6; count += 1) ids.add((await bench.receiver({ groups: [group] })).connectionId);
    const all = await pagesOf(bench, group, { maxPageSize: 2 });
    expectEqual(new Set(all.map(member => member.connectionId)).size, 6, 'different members over all pages');
    expectEqual(
      all.every(member => ids.has(member.connectionId)),
      true,
      'members only',
    );
    expectEqual((await pagesOf(bench, group, { maxPageSize: 2, top: 5 })).length, 5, 'members with top 5');
  },
};
