import { beforeEach, describe, expect, test } from 'vitest';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { TestNode } from '../../support/fake-ports.js';

let node: TestNode;

beforeEach(() => {
  node = new TestNode();
});

describe('[upstream-events 2.9] the upstream is told once of each group', () => {
  test('that a connection is in from the start, after `connected`', () => {
    const { session } = node.open({ groups: ['g', 'h'] });
    expect(session.presence).toEqual(['joined g', 'joined h']);
    expect(session.history.at(-1)).toBe('connected');
  });

  test('that it joins or leaves itself; repeats are no news', () => {
    const { session, say } = node.open({ roles: ['webpubsub.joinLeaveGroup'] });
    for (const type of ['joinGroup', 'joinGroup', 'leaveGroup', 'leaveGroup']) say({ type, group: 'g' });
    expect(session.presence).toEqual(['joined g', 'left g']);
  });

  test('that the app server puts it in or takes it out of', async () => {
    const { session } = node.open({ id: 'c', userId: 'ann' });
    for (const group of ['g', 'g', 'h']) await node.chat.addConnectionToGroup('c', group);
    await node.chat.removeUserFromGroup('ann', 'g');
    await node.chat.removeConnectionFromAllGroups('c');
    await node.chat.removeConnectionFromAllGroups('c');
    expect(session.presence).toEqual(['joined g', 'joined h', 'left g', 'left h']);
  });

  test('at the end, before `disconnected`, and not when its client may come back', () => {
    for (const protocol of [undefined, jsonReliable]) {
      const client = node.open({ groups: ['g'], ...(protocol && { protocol }) });
      const { session } = client;
      const before: string[] = [];
      session.disconnected = () => before.push(...session.presence);
      node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
      if (protocol !== undefined) {
        expect(session.presence).toEqual(['joined g']);
        node.clock.advance(node.recoveryWindowMs);
      }
      expect(before).toEqual(['joined g', 'left g']);
      expect(session.presence).toEqual(before);
    }
  });

  test('a recovery is no news', () => {
    const client = node.open({ groups: ['g'], protocol: jsonReliable });
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
    node.chat.lifecycle.resume(client.connection, client.outlet);
    expect(client.session.presence).toEqual(['joined g']);
  });
});
