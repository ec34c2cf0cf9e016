import { beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../../src/hub/commands.js';
import { Connection } from '../../../src/hub/connection.js';
import { endings } from '../../../src/hub/endings.js';
import { Members } from '../../../src/hub/members.js';
import { Permissions } from '../../../src/hub/permissions.js';
import { json } from '../../../src/protocols/webpubsub/json/index.js';
import { RecordingBackplane, RecordingOutlet, ScriptedUpstream, settled } from '../../support/fake-ports.js';

const hub = 'chat';
const owner = { execute: () => undefined, received: () => {}, flush: () => {} };
const ender = { fail: () => {} };

function connect(id: string, userId?: string): Connection {
  const upstream = new ScriptedUpstream().open(hub, id);
  const parts = { id, hub, userId, protocol: json, permissions: new Permissions([]), upstream };
  return new Connection({ ...parts, outlet: new RecordingOutlet() }, owner, ender);
}

let backplane: RecordingBackplane;
let members: Members;

beforeEach(() => {
  backplane = new RecordingBackplane();
  members = new Members(hub, backplane, { joined: () => {}, left: () => {} });
});

const idsOf = (target: Target) => Array.from(members.select(target), ({ id }) => id);

describe('who is here', () => {
  test('by hub, connection, user and group', () => {
    const [a, b, c] = [connect('a', 'ann'), connect('b', 'ann'), connect('c')];
    for (const connection of [a, b, c]) members.add(connection);
    members.join(a, 'g');
    members.join(c, 'g');
    expect(members.size).toBe(3);
    expect(idsOf({ scope: 'hub', hub })).toEqual(['a', 'b', 'c']);
    expect(idsOf({ scope: 'connection', hub, connectionId: 'b' })).toEqual(['b']);
    expect(idsOf({ scope: 'user', hub, userId: 'ann' })).toEqual(['a', 'b']);
    expect(idsOf({ scope: 'group', hub, group: 'g' })).toEqual(['a', 'c']);
    members.remove(a);
    members.leave(a, 'g');
    expect(idsOf({ scope: 'hub', hub })).toEqual(['b', 'c']);
    expect(idsOf({ scope: 'connection', hub, connectionId: 'a' })).toEqual([]);
    expect(idsOf({ scope: 'user', hub, userId: 'ann' })).toEqual(['b']);
    expect(idsOf({ scope: 'group', hub, group: 'g' })).toEqual(['c']);
  });

  test('[RA-024] groups and users are told apart by letter case, and names of JavaScript are ordinary', () => {
    const a = connect('a', '__proto__');
    members.add(a);
    members.join(a, 'constructor');
    expect(idsOf({ scope: 'user', hub, userId: '__proto__' })).toEqual(['a']);
    expect(idsOf({ scope: 'group', hub, group: 'constructor' })).toEqual(['a']);
    expect(idsOf({ scope: 'group', hub, group: 'Constructor' })).toEqual([]);
    expect(idsOf({ scope: 'user', hub, userId: 'toString' })).toEqual([]);
  });

  test('one that signs in is found by its user from then on', () => {
    const [a, b] = [connect('a'), connect('b')];
    for (const connection of [a, b]) members.add(connection);
    backplane.interest.length = 0;
    expect(members.signIn(a, 'ann')).toBeUndefined();
    members.signIn(b, 'ann');
    expect([a.userId, idsOf({ scope: 'user', hub, userId: 'ann' })]).toEqual(['ann', ['a', 'b']]);
    members.remove(a);
    expect(idsOf({ scope: 'user', hub, userId: 'ann' })).toEqual(['b']);
    members.remove(b);
    expect(backplane.interest.filter(each => each.includes('user'))).toEqual(['+ user ann', '- user ann']);
  });

  test('one that has ended does not sign in', () => {
    const a = connect('a');
    members.add(a);
    a.end(endings.lost);
    members.signIn(a, 'ann');
    expect([a.userId, idsOf({ scope: 'user', hub, userId: 'ann' })]).toEqual([undefined, []]);
  });

  test('joining twice and leaving what was not joined change nothing', () => {
    const a = connect('a');
    members.add(a);
    members.join(a, 'g');
    members.join(a, 'g');
    members.leave(a, 'other');
    expect(idsOf({ scope: 'group', hub, group: 'g' })).toEqual(['a']);
    members.leave(a, 'g');
    members.leave(a, 'g');
    expect(idsOf({ scope: 'group', hub, group: 'g' })).toEqual([]);
    expect([...a.groups]).toEqual([]);
  });

  test('a membership has the tag of its last join, and both are told; a plain one has none', () => {
    const changes: unknown[] = [];
    const told = new Members(hub, backplane, {
      joined: ({ id }, group, isFirst, tag) => changes.push(['+', id, group, isFirst, tag]),
      left: ({ id }, group, isLast, tag) => changes.push(['-', id, group, isLast, tag]),
    });
    const [a, b] = [connect('a'), connect('b')];
    for (const connection of [a, b]) told.add(connection);
    told.join(a, 'g', { qos: 0 });
    told.join(a, 'g', { qos: 1 });
    told.join(a, 'g');
    told.join(b, 'g');
    expect([a.tagOf('g'), a.tagOf('other'), b.tagOf('g')]).toEqual([{ qos: 1 }, undefined, undefined]);
    told.leave(a, 'g');
    expect(a.tagOf('g')).toBeUndefined();
    told.leave(b, 'g');
    expect(changes).toEqual([
      ['+', 'a', 'g', true, { qos: 0 }],
      ['+', 'b', 'g', false, undefined],
      ['-', 'a', 'g', false, { qos: 1 }],
      ['-', 'b', 'g', true, undefined],
    ]);
  });

  test('who is removed is found by its groups alone, until it has left them', () => {
    const a = connect('a', 'ann');
    members.add(a);
    members.join(a, 'g');
    members.remove(a);
    expect([members.size, members.count({ scope: 'user', hub, userId: 'ann' })]).toEqual([0, 0]);
    expect(idsOf({ scope: 'group', hub, group: 'g' })).toEqual(['a']);
    members.leave(a, 'g');
    expect(idsOf({ scope: 'group', hub, group: 'g' })).toEqual([]);
  });
});

describe('interest', () => {
  test('the first of a target is announced, and the last', () => {
    const [a, b] = [connect('a', 'ann'), connect('b', 'ann')];
    members.add(a);
    members.join(a, 'g');
    expect(backplane.interest.splice(0)).toEqual(['+ hub chat', '+ connection a', '+ user ann', '+ group g']);
    members.add(b);
    members.join(b, 'g');
    members.join(b, 'g');
    expect(backplane.interest.splice(0)).toEqual(['+ connection b']);
    members.leave(a, 'g');
    members.remove(a);
    expect(backplane.interest.splice(0)).toEqual(['- connection a']);
    members.remove(b);
    members.leave(b, 'g');
    expect(backplane.interest.splice(0).sort()).toEqual(['- connection b', '- group g', '- hub chat', '- user ann']);
  });

  test('whoever joins while the first is still being announced waits for it too', async () => {
    const [a, b] = [connect('a'), connect('b')];
    members.add(a);
    members.add(b);
    let announce = () => {};
    backplane.ready = () => new Promise(resolve => (announce = resolve));
    const settledOnes: string[] = [];
    void members.join(a, 'g')?.then(() => settledOnes.push('a'));
    void Promise.resolve(members.join(b, 'g')).then(() => settledOnes.push('b'));
    await settled();
    expect(settledOnes).toEqual([]);
    announce();
    await settled();
    expect(settledOnes).toEqual(['a', 'b']);
    expect(members.join(connect('c'), 'g')).toBeUndefined(); // announced long ago
  });

  test('adding waits for all that it announces', async () => {
    const announce: (() => void)[] = [];
    backplane.ready = () => new Promise(resolve => announce.push(resolve));
    let isDone = false;
    void members.add(connect('a', 'ann'))?.then(() => {
      isDone = true;
    });
    for (const done of announce.slice(1)) done();
    await settled();
    expect([announce.length, isDone]).toEqual([3, false]);
    announce[0]?.();
    await settled();
    expect(isDone).toBe(true);
  });
});
