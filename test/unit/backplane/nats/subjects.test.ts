import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { birthTagOf, Subjects, tokenOf } from '../../../../src/backplane/nats/subjects.js';
import { ConnectionIds, newTag } from '../../../../src/backplane/nats/tags.js';
import type { Target } from '../../../../src/hub/commands.js';
import { targets } from '../../../support/backplane-contract.js';

const subjects = new Subjects('hw.1', 'AbC-_9');

/** Any text of the length that names may have, halves of surrogate pairs among them, and texts that look like tokens. */
const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 1024 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map(units => String.fromCharCode(...units)),
  fc.string({ unit: fc.constantFrom('=', '~', '.', '*', '>', ' ', '2', 'E', 'a'), maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('a', 'é', '😀'), minLength: 60, maxLength: 300 }),
);

const anyTarget: fc.Arbitrary<Target> = fc.oneof(
  fc.record({ scope: fc.constant('hub' as const), hub: anyName }),
  fc.record({ scope: fc.constant('group' as const), hub: anyName, group: anyName }),
  fc.record({ scope: fc.constant('user' as const), hub: anyName, userId: anyName }),
  fc.record({ scope: fc.constant('connection' as const), hub: anyName, connectionId: anyName }),
);

describe('[CL-017] the subject of a target', () => {
  test('is another one for each target', () => {
    fc.assert(
      fc.property(anyTarget, anyTarget, (a, b) => {
        expect(subjects.of(a) === subjects.of(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 1_000 },
    );
  });

  test('has no wildcard, no empty token, no space, and a length that servers take', () => {
    fc.assert(
      fc.property(anyTarget, target => {
        expect(subjects.of(target)).toMatch(/^[A-Za-z0-9_=~.-]{1,1000}$/);
        expect(subjects.of(target).split('.')).not.toContain('');
      }),
      { numRuns: 1_000 },
    );
  });

  test('of each target of the contract suite is another one', () => {
    expect(new Set(targets.map(target => subjects.of(target))).size).toBe(targets.length);
  });
});

test.each([
  ['news', 'news'],
  ['a.b', 'a=2Eb'],
  ['é', '=C3=A9'],
  ['=2E', '=3D2E'],
  ['', '='],
  ['\ud83d', '=ED=A0=BD'],
  ['x'.repeat(200), 'x'.repeat(200)],
])('[cluster 3.2] %j is the token %s', (name, token) => {
  expect(tokenOf(name)).toBe(token);
});

test.each(['x'.repeat(201), '.'.repeat(67), '😀'.repeat(1024)])('[cluster 3.2] a long token is a hash', name => {
  expect(tokenOf(name)).toMatch(/^~[A-Za-z0-9_-]{43}$/);
});

test('[cluster 3.1] an id is the tag of its node and 25 random characters', () => {
  const ids = new ConnectionIds(newTag());
  const given = Array.from({ length: 1_000 }, ids.next);
  expect(new Set(given).size).toBe(1_000);
  for (const id of given) {
    expect(id).toMatch(/^[A-Za-z0-9_-]{31}$/);
    expect(birthTagOf({ scope: 'connection', hub: 'chat', connectionId: id })).toBe(ids.tag);
  }
});

test('[cluster 3.2] a connection with an id of the node is received without a subscription of its own', () => {
  const own = new ConnectionIds('AbC-_9').next();
  const isOwn = (connectionId: string) => subjects.isOwn({ scope: 'connection', hub: 'chat', connectionId });
  expect([own, new ConnectionIds('other1').next(), 'AbC-_9', 'g'].map(isOwn)).toEqual([true, false, false, false]);
  expect(subjects.of({ scope: 'connection', hub: 'chat', connectionId: own })).toBe(`hw.1.c.AbC-_9.chat.${own}`);
  expect(subjects.ownConnections).toBe('hw.1.c.AbC-_9.>');
});
