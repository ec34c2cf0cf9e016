import { type Bench, type Checks, expectEqual, failureOf, notOffered } from './checks.js';
import { expectClosed, expectMembers } from './members.js';

/** Two receivers of one user and one of nobody's. */
async function twoAndOne(bench: Bench, groups: string[] = []) {
  const userId = bench.own('user');
  const his = [await bench.receiver({ userId, groups }), await bench.receiver({ userId, groups })];
  return { userId, his, other: await bench.receiver({ groups }) };
}

export const groupChecks: Checks = {
  async addConnectionToGroup(bench) {
    const group = bench.own('group');
    const [one, other] = [await bench.receiver(), await bench.receiver()];
    await bench.service.group(group).addConnection(one.connectionId);
    await bench.service.group(group).addConnection(one.connectionId);
    await expectMembers(bench, group, [one], [other]);
    const failure = await failureOf(bench.service.group(group).addConnection('nobody'));
    expectEqual([failure.statusCode, failure.code], [404, 'Error.Connection.NotExisted'], 'an unknown connection');
  },
  async removeConnectionFromGroup(bench) {
    const group = bench.own('group');
    const [one, other] = [await bench.receiver({ groups: [group] }), await bench.receiver({ groups: [group] })];
    await bench.service.group(group).removeConnection(one.connectionId);
    await bench.service.group(group).removeConnection('nobody');
    await expectMembers(bench, group, [other], [one]);
  },
  async removeConnectionFromAllGroups(bench) {
    const groups = [bench.own('red'), bench.own('blue')];
    const [one, other] = [await bench.receiver({ groups }), await bench.receiver({ groups })];
    await bench.service.removeConnectionFromAllGroups(one.connectionId);
    for (const group of groups) await expectMembers(bench, group, [other], [one]);
  },
  async addConnectionsToGroups(bench) {
    const groups = [bench.own('red'), bench.own('blue')];
    const { userId, his, other } = await twoAndOne(bench);
    await bench.service.addConnectionsToGroups(groups, `userId eq '${userId}'`);
    for (const group of groups) await expectMembers(bench, group, his, [other]);
  },
  async removeConnectionsFromGroups(bench) {
    const groups = [bench.own('red'), bench.own('blue')];
    const { userId, his, other } = await twoAndOne(bench, groups);
    await bench.service.removeConnectionsFromGroups(groups, `userId eq '${userId}'`);
    for (const group of groups) await expectMembers(bench, group, [other], his);
  },
  async addUserToGroup(bench) {
    const group = bench.own('group');
    const { userId, his, other } = await twoAndOne(bench);
    await bench.service.group(group).addUser(userId);
    await expectMembers(bench, group, his, [other]);
    const failure = await failureOf(bench.service.group(group).addUser('nobody'));
    expectEqual([failure.statusCode, failure.code], [404, 'Warning.User.NotExisted'], 'an unknown user');
  },
  async removeUserFromGroup(bench) {
    const group = bench.own('group');
    const { userId, his, other } = await twoAndOne(bench, [group]);
    await bench.service.group(group).removeUser(userId);
    await bench.service.group(group).removeUser('nobody');
    await expectMembers(bench, group, [other], his);
  },
  async removeUserFromAllGroups(bench) {
    const groups = [bench.own('red'), bench.own('blue')];
    const { userId, his, other } = await twoAndOne(bench, groups);
    await bench.service.removeUserFromAllGroups(userId);
    for (const group of groups) await expectMembers(bench, group, [other], his);
  },
};

const noExcluded = notOffered('the method takes a reason only');

export const closeChecks: Checks = {
  async closeConnection(bench) {
    const [one, other] = [await bench.receiver(), await bench.receiver()];
    const reason = 'long '.repeat(40).trim();
    await bench.service.closeConnection(one.connectionId, { reason });
    await expectClosed(bench, one, reason);
    await bench.service.closeConnection('nobody');
    expectEqual(await bench.service.connectionExists(other.connectionId), true, 'the other is still there');
  },
  async closeAllConnections(bench) {
    const all = [await bench.receiver(), await bench.receiver()];
    await bench.service.closeAllConnections({ reason: 'all' });
    for (const one of all) await expectClosed(bench, one, 'all');
  },
  'closeAllConnections.excluded': noExcluded,
  async closeGroupConnections(bench) {
    const group = bench.own('group');
    const [one, other] = [await bench.receiver({ groups: [group] }), await bench.receiver()];
    await bench.service.group(group).closeAllConnections({ reason: 'group' });
    await expectClosed(bench, one, 'group');
    expectEqual(await bench.service.connectionExists(other.connectionId), true, 'the other is still there');
  },
  'closeGroupConnections.excluded': noExcluded,
  async closeUserConnections(bench) {
    const { userId, his, other } = await twoAndOne(bench);
    await bench.service.closeUserConnections(userId, { reason: 'user' });
    for (const one of his) await expectClosed(bench, one, 'user');
    expectEqual(await bench.service.connectionExists(other.connectionId), true, 'the other is still there');
  },
  'closeUserConnections.excluded': noExcluded,
};
