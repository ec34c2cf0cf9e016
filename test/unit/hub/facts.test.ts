import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { TestNode } from '../../support/fake-ports.js';

let node: TestNode;

beforeEach(() => {
  node = new TestNode();
});

const lost = { category: 'Normal', reason: 'lost' } as const;

/** Facts of the node so far, one word each; with the group, if there is one, and whether it is a first or a last. */
function told({ observer }: TestNode = node): string[] {
  return observer.facts.map(({ what, connectionId, group = '', isFirst, isLast, isLastOfUser }) => {
    const marks = [isFirst === true && 'first', isLast === true && 'last', isLastOfUser === true && 'last of user'];
    return [what, connectionId, group, ...marks].filter(word => word !== '' && word !== false).join(' ');
  });
}

describe('the facts of a connection', () => {
  test('come in the order in which they happen, each once', async () => {
    const client = node.open({ id: 'a', userId: 'ann', groups: ['g', 'h'], roles: ['webpubsub.joinLeaveGroup'] });
    client.say({ type: 'leaveGroup', group: 'g' });
    client.say({ type: 'leaveGroup', group: 'g' });
    await node.chat.closeConnection('a', 'enough');
    expect(told().filter(word => !word.startsWith('received'))).toEqual([
      ...['identified a first', 'opened a first', 'joined a g first', 'joined a h first'],
      ...['left a g last', 'ended a last last of user', 'left a h last', 'closed a'],
    ]);
    expect(node.observer.of('closed')).toMatchObject([
      { category: 'ClosedByAppServer', protocol: client.connection.protocol.name },
    ]);
  });

  test('the first and the last of a hub, a user and a group are told', () => {
    const [a, b] = ['a', 'b'].map(id => node.open({ id, userId: 'ann', groups: ['g'] }));
    const c = node.open({ id: 'c', groups: ['g'] });
    for (const { connection, outlet } of [a!, b!, c]) node.chat.lifecycle.lose(connection, outlet, lost, false);
    expect(told()).toEqual([
      ...['identified a first', 'opened a first', 'joined a g first'],
      ...['identified b', 'opened b', 'joined b g', 'identified c', 'opened c', 'joined c g'],
      ...['ended a', 'left a g', 'closed a', 'ended b last of user', 'left b g', 'closed b'],
      ...['ended c last', 'left c g last', 'closed c'],
    ]);
  });

  test('a user is new again after its last connection has ended', () => {
    const first = node.open({ id: 'a', userId: 'ann' });
    node.open({ id: 'b' });
    node.chat.lifecycle.lose(first.connection, first.outlet, lost, false);
    node.open({ id: 'c', userId: 'ann' });
    expect(told().filter(word => word.startsWith('identified'))).toEqual([
      ...['identified a first', 'identified b', 'identified c first'],
    ]);
  });

  test('a lost session has ended only once it cannot be recovered any more', () => {
    const client = node.open({ id: 'a', groups: ['g'], protocol: jsonReliable });
    node.chat.lifecycle.lose(client.connection, client.outlet, lost, false);
    node.observer.facts.length = 0;
    node.clock.advance(node.recoveryWindowMs - 1);
    expect(told()).toEqual([]);
    node.clock.advance(1);
    expect(told()).toEqual(['ended a last', 'left a g last', 'closed a']);
  });

  test('a reader sees a joined connection as a member, and one that left as none', async () => {
    const seen: (readonly string[])[] = [];
    node.watches.watch(
      { hub: 'chat' },
      {
        fact: fact => {
          if (fact.kind === 'joined' || fact.kind === 'left') seen.push([...(client?.connection.groups ?? [])]);
        },
      },
    );
    const client = node.open({ id: 'a', roles: ['webpubsub.joinLeaveGroup'] });
    client.say({ type: 'joinGroup', group: 'g' });
    client.say({ type: 'leaveGroup', group: 'g' });
    expect(seen).toEqual([['g'], []]);
  });
});

test('facts are of the node on which they happen', async () => {
  const bus = new MemoryBus();
  const [here, there] = [new TestNode(bus.connect()), new TestNode(bus.connect())];
  here.open({ id: 'a', userId: 'ann' });
  there.open({ id: 'b', userId: 'ann' });
  await here.chat.addUserToGroup('ann', 'g');
  expect(told(here)).toEqual(['identified a first', 'opened a first', 'joined a g first']);
  expect(told(there)).toEqual(['identified b first', 'opened b first', 'joined b g first']);
});
