import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../../src/hub/commands.js';
import { Permissions } from '../../../src/hub/permissions.js';
import { groupNameRule } from '../../../src/protocols/names.js';

const noGroup = `not a valid group name, which has ${groupNameRule}`;

const kinds: readonly Permission[] = ['joinLeaveGroup', 'sendToGroup'];

/** Those of the groups that the roles allow. */
function allowed(permissions: Permissions, permission: Permission, groups: readonly string[]): string[] {
  return groups.filter(group => permissions.allows(permission, group));
}

const roles = (count: number, role: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => role(index));

describe.each(kinds)('[client-protocols 2.2] %s', permission => {
  const prefix = `webpubsub.${permission}`;
  const other = kinds.find(kind => kind !== permission) as Permission;

  test('nothing is allowed without a role', () => {
    expect(allowed(new Permissions([]), permission, ['g', ''])).toEqual([]);
  });

  test('the bare role allows every group, and only for its own operation', () => {
    const permissions = new Permissions([prefix]);
    expect(allowed(permissions, permission, ['g', 'a.b', '*'])).toEqual(['g', 'a.b', '*']);
    expect(allowed(permissions, other, ['g'])).toEqual([]);
  });

  test('[CP-040] the rest of a singular role is the name, dots included', () => {
    const permissions = new Permissions([`${prefix}.a.b`]);
    expect(allowed(permissions, permission, ['a.b', 'a', 'a.b.c', 'b', 'A.B', '.a.b'])).toEqual(['a.b']);
    expect(allowed(permissions, other, ['a.b'])).toEqual([]);
  });

  test('[CP-044] a star in a singular role is a name', () => {
    expect(allowed(new Permissions([`${prefix}.*`]), permission, ['*', 'a', 'webpubsub'])).toEqual(['*']);
    expect(allowed(new Permissions([`${prefix}.t.**`]), permission, ['t.**', 't.a'])).toEqual(['t.**']);
  });

  test('[CP-041] [CP-042] the rest of a plural role is a pattern', () => {
    const permissions = new Permissions([`${prefix}s.chat-*`, `${prefix}s.t.**`]);
    expect(allowed(permissions, permission, ['chat-1', 'chat.1', 'xchat-1', 't.a.b'])).toEqual(['chat-1', 't.a.b']);
    expect(allowed(permissions, other, ['chat-1'])).toEqual([]);
  });

  test('[L8] [newcomer F11] what is no role gives nothing and is reported', () => {
    const strange = ['', 'x', prefix.toUpperCase(), `${prefix}s`, `${prefix}X`, 'webpubsub'];
    const permissions = new Permissions([...strange, 'webpubsub.setGroupState.g']);
    expect(allowed(permissions, permission, ['', 'g', 's', 'X'])).toEqual([]);
    expect(permissions.takeIgnored().map(({ role }) => role)).toEqual(strange);
  });

  test.each([
    ['.', noGroup],
    ['. ', noGroup],
    [`.${'g'.repeat(1025)}`, noGroup],
    ['s.', 'not a valid pattern'],
    ['s.*.*.*.*.*.*', 'not a valid pattern'],
    ['s.a\\b', 'not a valid pattern'],
    [`s.${'p'.repeat(1025)}`, 'not a valid pattern'],
  ])('[CP-043] the role with %j is skipped and named; the others hold', (rest, reason) => {
    const permissions = new Permissions([`${prefix}${rest}`, `${prefix}.g`]);
    expect(permissions.takeIgnored()).toEqual([{ role: `${prefix}${rest}`, reason }]);
    expect(permissions.allows(permission, 'g')).toBe(true);
  });

  test('10 patterns and 1000 names are used, those beyond are named', () => {
    const patterns = new Permissions(roles(12, index => `${prefix}s.p${index}-*`));
    expect(allowed(patterns, permission, ['p0-x', 'p9-x', 'p10-x', 'p11-x'])).toEqual(['p0-x', 'p9-x']);
    expect(patterns.takeIgnored().map(({ reason }) => reason)).toEqual([
      'more than 10 patterns',
      'more than 10 patterns',
    ]);
    const literals = new Permissions(roles(1001, index => `${prefix}.g${index}`));
    expect(allowed(literals, permission, ['g0', 'g999', 'g1000'])).toEqual(['g0', 'g999']);
    expect(literals.takeIgnored()).toEqual([{ role: `${prefix}.g1000`, reason: 'more than 1000 groups' }]);
  });

  test('the two operations have limits of their own, and a repeated name counts once', () => {
    const both = [...roles(1000, index => `${prefix}.g${index}`), `${prefix}.g0`, `webpubsub.${other}.g`];
    expect(new Permissions(both).takeIgnored()).toEqual([]);
    const patterns = [...roles(10, index => `${prefix}s.p${index}*`), `webpubsub.${other}s.p*`];
    expect(new Permissions(patterns).takeIgnored()).toEqual([]);
  });
});

describe('[rest-api 2.5] grant and revoke', () => {
  const fresh = (...held: string[]) => new Permissions(held);

  test('[RA-071] a grant allows, a revocation takes it back', () => {
    const permissions = fresh();
    expect(permissions.grant('sendToGroup', 'g')).toBe(true);
    expect(allowed(permissions, 'sendToGroup', ['g', 'h'])).toEqual(['g']);
    expect(allowed(permissions, 'joinLeaveGroup', ['g'])).toEqual([]);
    expect(permissions.revoke('sendToGroup', 'g')).toBe(true);
    expect(allowed(permissions, 'sendToGroup', ['g'])).toEqual([]);
  });

  test('[RA-075] the target is a name, never a pattern', () => {
    const permissions = fresh();
    for (const name of ['*', 'room.*', '**']) permissions.grant('sendToGroup', name);
    expect(allowed(permissions, 'sendToGroup', ['*', 'room.*', 'x', 'room.1'])).toEqual(['*', 'room.*']);
  });

  test.each([['webpubsub.sendToGroup'], ['webpubsub.sendToGroups.**'], ['webpubsub.sendToGroup.a']])(
    '[RA-076] revoking one name under %s denies it alone; a grant restores it',
    role => {
      const permissions = fresh(role, 'webpubsub.sendToGroup.b');
      permissions.revoke('sendToGroup', 'a');
      expect(allowed(permissions, 'sendToGroup', ['a', 'b'])).toEqual(['b']);
      permissions.grant('sendToGroup', 'a');
      expect(allowed(permissions, 'sendToGroup', ['a', 'b'])).toEqual(['a', 'b']);
    },
  );

  test('a role’s own name that is revoked falls back on what else allows it: then it is denied outright', () => {
    const permissions = fresh('webpubsub.sendToGroup', 'webpubsub.sendToGroup.a');
    permissions.revoke('sendToGroup', 'a');
    expect(permissions.allows('sendToGroup', 'a')).toBe(false);
  });

  test('both are idempotent', () => {
    const permissions = fresh('webpubsub.sendToGroups.a*');
    for (let time = 0; time < 3; time += 1) permissions.revoke('sendToGroup', 'a1');
    expect(permissions.allows('sendToGroup', 'a1')).toBe(false);
    for (let time = 0; time < 3; time += 1) permissions.grant('sendToGroup', 'a1');
    expect(permissions.allows('sendToGroup', 'a1')).toBe(true);
  });

  test('[RA-078] the 1001st override is refused and changes nothing', () => {
    const permissions = fresh('webpubsub.joinLeaveGroups.r*');
    for (let index = 0; index < 1000; index += 1) expect(permissions.grant('sendToGroup', `g${index}`)).toBe(true);
    expect(permissions.grant('sendToGroup', 'one-more')).toBe(false);
    expect(permissions.allows('sendToGroup', 'one-more')).toBe(false);
    expect(permissions.allows('sendToGroup', 'g0')).toBe(true);
    expect(permissions.grant('joinLeaveGroup', 'one-more')).toBe(true); // has a limit of its own
    for (let index = 0; index < 999; index += 1) permissions.revoke('joinLeaveGroup', `r${index}`);
    expect(permissions.revoke('joinLeaveGroup', 'r-one-more')).toBe(false);
    expect(permissions.allows('joinLeaveGroup', 'r-one-more')).toBe(true);
  });

  test('[RA-078] a revocation that is taken back no longer counts', () => {
    const permissions = fresh('webpubsub.sendToGroup');
    for (let index = 0; index < 1000; index += 1) permissions.revoke('sendToGroup', `g${index}`);
    expect(permissions.revoke('sendToGroup', 'one-more')).toBe(false);
    permissions.grant('sendToGroup', 'g0');
    expect(permissions.revoke('sendToGroup', 'one-more')).toBe(true);
    expect(allowed(permissions, 'sendToGroup', ['g0', 'g1', 'one-more'])).toEqual(['g0']);
  });

  test('[RA-078] at the limit, what needs no further override still works', () => {
    const permissions = fresh('webpubsub.sendToGroups.r*');
    for (let index = 0; index < 1000; index += 1) permissions.grant('sendToGroup', `g${index}`);
    expect(permissions.grant('sendToGroup', 'r1')).toBe(true); // a role allows it
    expect(permissions.grant('sendToGroup', 'g1')).toBe(true); // granted before
    expect(permissions.revoke('sendToGroup', 'x')).toBe(true); // was never allowed
    expect(permissions.revoke('sendToGroup', 'g1')).toBe(true); // makes room
    expect(permissions.grant('sendToGroup', 'one-more')).toBe(true);
  });
});

describe.each(['setGroupState', 'getGroupState'] as const)('[client-protocols 2.2] %s', right => {
  const prefix = `webpubsub.${right}`;
  const may = (role: string) => {
    const permissions = new Permissions([role]);
    return ['g', 'a.b', '*'].filter(group => permissions.allows(right, group));
  };

  test('needs its own role', () => {
    for (const role of ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup', 'webpubsub.setGetGroupState']) {
      expect(may(role)).toEqual([]);
    }
    const other = right === 'setGroupState' ? 'getGroupState' : 'setGroupState';
    expect(may(`webpubsub.${other}`)).toEqual([]);
  });

  test('comes for all groups, or for one by its literal name', () => {
    expect(may(prefix)).toEqual(['g', 'a.b', '*']);
    expect(may(`${prefix}.a.b`)).toEqual(['a.b']);
    expect(may(`${prefix}.*`)).toEqual(['*']);
  });

  test('has no patterns: such a role is none', () => {
    expect(may(`${prefix}s.**`)).toEqual([]);
    expect(new Permissions([`${prefix}s.**`]).takeIgnored()).toEqual([
      { role: `${prefix}s.**`, reason: 'not a role of this service' },
    ]);
  });

  test('a role of what cannot be a group is ignored, with a reason', () => {
    expect(new Permissions([`${prefix}. `]).takeIgnored()).toEqual([{ role: `${prefix}. `, reason: noGroup }]);
  });
});

describe('a record', () => {
  const again = (permissions: Permissions) => Permissions.from(JSON.parse(JSON.stringify(permissions.record())));

  test('allows what the permissions did, now and after later grants and revocations', () => {
    const role = fc.constantFrom(
      ...['joinLeaveGroup', 'sendToGroup', 'setGroupState', 'getGroupState'].flatMap(right => [
        `webpubsub.${right}`,
        `webpubsub.${right}.a`,
        `webpubsub.${right}s.a*`,
        `webpubsub.${right}s.?\\*`,
      ]),
    );
    const names = ['a', 'ab', 'b*', 'b'];
    const change = fc.record({
      kind: fc.constantFrom('grant', 'revoke'),
      permission: fc.constantFrom(...kinds),
      group: fc.constantFrom(...names),
    });
    fc.assert(
      fc.property(fc.array(role, { maxLength: 6 }), fc.array(change), fc.nat(), (given, changes, at) => {
        const original = new Permissions(given);
        let copy: Permissions | undefined;
        for (const [index, { kind, permission, group }] of [...changes.entries()]) {
          if (index === at % changes.length) copy = again(original);
          for (const each of [original, copy]) each?.[kind](permission, group);
        }
        copy ??= again(original);
        for (const right of [...kinds, 'setGroupState', 'getGroupState'] as const) {
          for (const name of names) expect(copy.allows(right, name)).toBe(original.allows(right, name));
        }
      }),
    );
  });

  test('[RA-078] carries the limits on', () => {
    const copy = again(new Permissions(roles(1000, index => `webpubsub.sendToGroup.g${index}`)));
    expect(copy.grant('sendToGroup', 'one-more')).toBe(false);
    expect(copy.grant('joinLeaveGroup', 'one-more')).toBe(true);
  });

  test('a pattern that is none is not taken over', () => {
    const record = { sendToGroup: { isAllAllowed: false, literals: [], patterns: ['*****a*'] } };
    expect(() => Permissions.from(record)).toThrow('not a valid pattern');
  });
});
