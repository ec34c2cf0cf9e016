import { expect, test } from 'vitest';
import { type Answers, isFinal, merge, notAnswered, type Query, type QueryKind } from '../../../src/hub/commands.js';

const override = { permission: 'sendToGroup', group: 'g' } as const;

/** Answers of several nodes, and the result. */
const merged: readonly { [K in QueryKind]: [Query<K>, readonly Answers[K][], Answers[K]] }[QueryKind][] = [
  [{ kind: 'exists' }, [false, true, false], true],
  [{ kind: 'exists' }, [false, false], false],
  [{ kind: 'check', ...override }, [false, true], true],
  [{ kind: 'count', filter: undefined }, [2, 0, 3], 5],
  [{ kind: 'close', reason: undefined, excluded: [] }, [1, 1], 2],
  [{ kind: 'grant', ...override }, ['noConnection', 'done'], 'done'],
  [{ kind: 'revoke', ...override }, ['conflict', 'noConnection'], 'conflict'],
  [{ kind: 'grant', ...override }, ['noConnection'], 'noConnection'],
  [
    { kind: 'list', after: undefined, limit: 2 },
    [[member('b'), member('d')], [], [member('a'), member('c')]],
    [member('a'), member('b')],
  ],
  [{ kind: 'list', after: undefined, limit: 2 }, [[], []], []],
  [
    { kind: 'states' },
    [[item('a', 1), item('b', 3)], [item('a', 2)], [{ ...item('b', 4), state: undefined }]],
    [item('a', 2)],
  ],
  [
    { kind: 'groups', prefix: '', withMembers: true },
    [[occupied('a', 2, 'ann', 'bob'), occupied('b', 1)], [], [occupied('c', 1, 'dan'), occupied('a', 3, 'bob', 'eve')]],
    [occupied('a', 5, 'ann', 'bob', 'eve'), occupied('b', 1), occupied('c', 1, 'dan')],
  ],
  [{ kind: 'groups', names: ['a'], withMembers: false }, [[], [occupied('a', 1)]], [occupied('a', 1)]],
  [{ kind: 'groups', names: ['a'], withMembers: false }, [[], []], []],
];

function occupied(group: string, connections: number, ...memberIds: string[]) {
  return { group, connections, memberIds };
}

function member(connectionId: string) {
  return { connectionId, userId: undefined };
}

function item(connectionId: string, updatedAtMs: number) {
  return { connectionId, userId: undefined, state: new Map([['k', 'v']]), updatedAtMs };
}

test.each(merged)('answers to %j: %j are %j together', (query, answers, result) => {
  expect(merge(query as Query<QueryKind>, answers)).toEqual(result);
});

test('an answer is final when no other node can change the result', () => {
  const [hub, connection] = [
    { scope: 'hub', hub: 'chat' },
    { scope: 'connection', hub: 'chat', connectionId: 'c' },
  ] as const;
  expect(isFinal(hub, { kind: 'exists' }, true)).toBe(true);
  expect(isFinal(hub, { kind: 'exists' }, false)).toBe(false);
  expect(isFinal(connection, { kind: 'leaveAll' }, 1)).toBe(true);
  expect(isFinal(connection, { kind: 'leaveAll' }, 0)).toBe(false);
  expect(isFinal(hub, { kind: 'leaveAll' }, 1)).toBe(false);
  expect(isFinal(connection, { kind: 'grant', ...override }, 'conflict')).toBe(true);
  expect(isFinal(connection, { kind: 'grant', ...override }, 'noConnection')).toBe(false);
  expect(isFinal(connection, { kind: 'count', filter: undefined }, 1)).toBe(false);
  expect(isFinal(connection, { kind: 'list', after: undefined, limit: 1 }, [member('c')])).toBe(false);
});

test('an error names a few of the nodes that did not answer', () => {
  expect(notAnswered(['a', 'b', 'c', 'd', 'e', 'f']).message).toContain('(a, b, c, d, e, …)');
});
