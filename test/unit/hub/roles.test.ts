import { describe, expect, test } from 'vitest';
import { roleProblem } from '../../../src/hub/roles.js';

describe('[newcomer F11] a role that gives nothing', () => {
  test.each([
    'webpubsub.joinLeaveGroup',
    'webpubsub.sendToGroup.room.1',
    'webpubsub.sendToGroups.room-*',
    'webpubsub.setGroupState',
    'webpubsub.getGroupState.*',
  ])('%s has no problem', role => expect(roleProblem(role)).toBeUndefined());

  test.each([
    ['webpubsub.sendToGroups', 'webpubsub.sendToGroup'],
    ['sendToGroup', 'webpubsub.sendToGroup'],
    ['sendToGroup.room.1', 'webpubsub.sendToGroup.room.1'],
    ['webpubsub.joinleavegroup.room', 'webpubsub.joinLeaveGroup.room'],
    ['WebPubSub.JoinLeaveGroup', 'webpubsub.joinLeaveGroup'],
    ['webpubsubs.sendToGroup', 'webpubsub.sendToGroup'],
    ['webpubsub.sendToGoups.room-*', 'webpubsub.sendToGroups.room-*'],
    ['webpubsub.setGroupStates.x', 'webpubsub.setGroupState.x'],
    ['webpubsub.joinLeaveGroup.', 'webpubsub.joinLeaveGroup'],
  ])('%s is probably %s', (role, meant) => {
    expect(roleProblem(role)).toMatch(new RegExp(`did you mean "${meant.replace(/[.*]/g, '\\$&')}"\\?$`));
  });

  test.each(['', 'admin', 'webpubsub', 'webpubsub.', 'nonce-8fd1', 'x'.repeat(100_000), '.'.repeat(100_000)])(
    '%# is near to none',
    role => expect(roleProblem(role)).toBe('not a role of this service'),
  );

  test('a pattern that is none says so', () => {
    expect(roleProblem('webpubsub.sendToGroups.a\\b')).toMatch(/^not a valid pattern/);
  });
});
