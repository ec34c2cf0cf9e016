import type { SessionRecord } from '../../src/hub/session.js';

const rules = { isAllAllowed: false, literals: [['g', true]] as [string, boolean][], patterns: ['a*'] };

/** Everything that a record may contain. */
export const wholeRecord: SessionRecord = {
  version: 1,
  hub: 'chat',
  connectionId: 'c',
  userId: '',
  protocol: 'json.reliable.webpubsub.azure.v1',
  permissions: { joinLeaveGroup: rules, getGroupState: rules },
  memberships: [{ group: 'g', tag: undefined }],
  groupStates: {
    lastUpdateMs: 1,
    states: [{ group: 'g', entries: [['k', 'v']], updatedAtMs: 1 }],
    subscriptions: [{ group: 'g', awaitsSnapshot: false }],
  },
  replay: {
    lastId: 2,
    unacked: [{ sequenceId: 1, body: Buffer.from('{"a":1}'), ttlMs: -0.5 }],
    states: {
      messages: [
        { sequenceId: 2, body: Buffer.from('{"b":2}'), ttlMs: undefined, group: 'g', connectionId: undefined },
      ],
      forgotten: ['h'],
      forgottenUpTo: 1,
    },
  },
  dialogue: { acks: [['1', '18446744073709551615']] },
  streams: [
    { streamId: 's', group: 'g', noEcho: false, expected: '18446744073709551615', idleTimeoutMs: 1, idleInMs: 0.5 },
  ],
  events: { userId: 'u', subprotocol: 'p', nextId: 1, state: 's', cookies: [{ key: 'a' }] },
  absence: { remainingMs: 1.5, category: 'Normal' },
};
