import { beforeEach, describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { json } from '../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents, simplePublisher } from '../../../src/protocols/webpubsub/simple.js';
import {
  ackText,
  type FakeClient,
  RecordingBackplane,
  settled,
  TestNode,
  textPayload,
} from '../../support/fake-ports.js';

const everything = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

let node: TestNode;

beforeEach(() => {
  node = new TestNode();
});

/** Ids of the connections that are in the group. */
async function membersOf(group: string): Promise<string[]> {
  return (await node.chat.listGroup(group)).map(({ connectionId }) => connectionId);
}

function errorAck(ackId: number, name: string, message: string): string {
  return `{"type":"ack","ackId":${ackId},"success":false,"error":${JSON.stringify({ name, message })}}`;
}

const duplicate = (ackId: number) => errorAck(ackId, 'Duplicate', `Message with ack-id: ${ackId} has been processed`);

function groupMessage(group: string, fromUserId: string | null, data: string): string {
  return `{"type":"message","from":"group","group":"${group}","fromUserId":${JSON.stringify(fromUserId)},"dataType":"text","data":"${data}"}`;
}

const sendTo = (group: string, data: string, more: object = {}) => ({
  type: 'sendToGroup',
  group,
  dataType: 'text',
  data,
  ...more,
});
const event = (more: object = {}) => ({ type: 'event', event: 'vote', dataType: 'text', data: 'yes', ...more });

describe('groups', () => {
  test('[CP-037] join and leave with the role are acked, repeats too, also with ackId 0', async () => {
    const client = node.open({ id: 'a', roles: everything });
    client.say({ type: 'joinGroup', group: 'g', ackId: 0 });
    expect(client.heard()).toEqual([ackText(0)]);
    expect(await membersOf('g')).toEqual(['a']);
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    client.say({ type: 'leaveGroup', group: 'g', ackId: 2 });
    client.say({ type: 'leaveGroup', group: 'g', ackId: 3 });
    expect(client.heard()).toEqual([ackText(1), ackText(2), ackText(3)]);
    expect(await membersOf('g')).toEqual([]);
  });

  test.each(['joinGroup', 'leaveGroup'])(
    '[CP-038] %s without the role is Forbidden, and the connection stays',
    async type => {
      const client = node.open({
        roles: ['webpubsub.joinLeaveGroup.other', 'webpubsub.sendToGroup'],
        groups: ['mine'],
      });
      for (const group of ['g', 'mine']) client.say({ type, group, ackId: 5 });
      expect(client.heard()).toEqual([
        errorAck(5, 'Forbidden', 'no joinLeaveGroup permission for group g'),
        errorAck(5, 'Forbidden', 'no joinLeaveGroup permission for group mine'),
      ]);
      expect(await membersOf('g')).toEqual([]);
      expect(await membersOf('mine')).toEqual([client.id]);
      expect(client.connection.isOpen).toBe(true);
    },
  );

  test('[newcomer] a refusal for want of a role is told to the observer, with the role', () => {
    const client = node.open({ roles: ['webpubsub.joinLeaveGroup.other'] });
    client.say({ type: 'joinGroup', group: 'g', ackId: 5 });
    client.say({ type: 'joinGroup', group: 'h' });
    client.say({ type: 'sendToGroup', group: 'g', data: 1, stream: { streamId: 's' } });
    const told = node.observer.facts.filter(({ what }) => what === 'refused');
    const at = { what: 'refused', hub: 'chat', connectionId: client.id, protocol: 'json.webpubsub.azure.v1' };
    expect(told).toEqual([
      { ...at, reason: 'no joinLeaveGroup permission for group g', neededRole: 'webpubsub.joinLeaveGroup.g' },
      { ...at, reason: 'no joinLeaveGroup permission for group h', neededRole: 'webpubsub.joinLeaveGroup.h' },
      { ...at, reason: 'no sendToGroup permission for group g', neededRole: 'webpubsub.sendToGroup.g' },
    ]);
  });

  test('[CP-039] without an ackId nothing is said, success or not', () => {
    const client = node.open({ roles: ['webpubsub.joinLeaveGroup.g'] });
    client.say({ type: 'joinGroup', group: 'g' });
    client.say({ type: 'joinGroup', group: 'other' });
    expect(client.heard()).toEqual([]);
    expect(client.connection.isOpen).toBe(true);
  });

  test('[CP-045] a group of the token needs no role', () => {
    const [member, sender] = [node.open({ groups: ['g'] }), node.open({ roles: everything })];
    sender.say(sendTo('g', 'hi'));
    expect(member.heard()).toEqual([groupMessage('g', null, 'hi')]);
  });
});

describe('publishing', () => {
  test('[CP-046] needs no membership, nor anybody in the group', () => {
    const client = node.open({ roles: everything });
    client.say(sendTo('empty', 'x', { ackId: 1 }));
    expect(client.heard()).toEqual([ackText(1)]);
  });

  test('[CP-047] the sender’s own copy comes before its ack', () => {
    const client = node.open({ userId: 'ann', roles: everything, groups: ['g'] });
    client.say(sendTo('g', 'x', { ackId: 1 }));
    expect(client.heard()).toEqual([groupMessage('g', 'ann', 'x'), ackText(1)]);
  });

  test('[CP-048] noEcho spares this connection, not the user’s others', () => {
    const [first, second] = [1, 2].map(() => node.open({ userId: 'ann', roles: everything, groups: ['g'] })) as [
      FakeClient,
      FakeClient,
    ];
    first.say(sendTo('g', 'x', { ackId: 1, noEcho: true }));
    expect(first.heard()).toEqual([ackText(1)]);
    expect(second.heard()).toEqual([groupMessage('g', 'ann', 'x')]);
  });

  test('without the role it is Forbidden and reaches nobody', () => {
    const [member, sender] = [
      node.open({ groups: ['g'] }),
      node.open({ roles: ['webpubsub.joinLeaveGroup'], groups: ['g'] }),
    ];
    sender.say(sendTo('g', 'x', { ackId: 1 }));
    sender.say(sendTo('g', 'x'));
    expect(sender.heard()).toEqual([errorAck(1, 'Forbidden', 'no sendToGroup permission for group g')]);
    expect(member.heard()).toEqual([]);
  });

  test('[RA-076] a permission that is revoked or granted counts from the next request on', async () => {
    const client = node.open({ id: 'a', roles: ['webpubsub.sendToGroup'] });
    await node.chat.revokePermission('a', 'sendToGroup', 'g');
    client.say(sendTo('g', 'x', { ackId: 1 }));
    expect(client.heard()).toEqual([errorAck(1, 'Forbidden', 'no sendToGroup permission for group g')]);
    await node.chat.grantPermission('a', 'sendToGroup', 'g');
    client.say(sendTo('g', 'x', { ackId: 1 }));
    expect(client.heard()).toEqual([ackText(1)]);
  });
});

describe('[client-protocols 4.4] ackIds', () => {
  test('[CP-059] one that succeeded is a Duplicate, for other operations too, and nothing is done', async () => {
    const client = node.open({ roles: everything });
    client.say({ type: 'joinGroup', group: 'g', ackId: 7 });
    client.say({ type: 'leaveGroup', group: 'g', ackId: 7 });
    client.say(event({ ackId: 7 }));
    expect(client.heard()).toEqual([ackText(7), duplicate(7), duplicate(7)]);
    expect(await membersOf('g')).toEqual([client.id]);
    expect(client.session.history).not.toContain('vote');
  });

  test('[CP-059] Duplicate is told even without the permission', async () => {
    const client = node.open({ id: 'a', roles: everything });
    client.say(sendTo('g', 'x', { ackId: 7 }));
    await node.chat.revokePermission('a', 'sendToGroup', 'g');
    client.say(sendTo('g', 'x', { ackId: 7 }));
    expect(client.heard()).toEqual([ackText(7), duplicate(7)]);
  });

  test('[CP-060] one that was Forbidden is tried afresh', () => {
    const client = node.open({ roles: ['webpubsub.joinLeaveGroup.g'] });
    client.say({ type: 'joinGroup', group: 'other', ackId: 7 });
    client.say({ type: 'joinGroup', group: 'g', ackId: 7 });
    expect(client.heard()).toEqual([expect.stringContaining('Forbidden'), ackText(7)]);
  });

  test('[CP-060] one whose event failed is sent to the upstream again', async () => {
    const client = node.open();
    client.say(event({ ackId: 7 }));
    await client.session.refuse(new PubSubError('eventFailed', 'the upstream answered 500'));
    client.say(event({ ackId: 7 }));
    await client.session.answer();
    expect(client.heard()).toEqual([errorAck(7, 'InternalServerError', 'Internal server error'), ackText(7)]);
  });

  test('[CP-059] one that is still under way is decided in its turn', async () => {
    const client = node.open();
    client.say(event({ ackId: 7 }));
    client.say(event({ ackId: 7 }));
    await client.session.answer();
    expect(client.heard()).toEqual([ackText(7), duplicate(7)]);
    expect(client.session.waiting).toBe(0);
  });

  test('[CP-061] the 1001st later success makes an id new again', () => {
    const client = node.open({ roles: everything });
    for (let ackId = 0; ackId <= 1000; ackId += 1) client.say({ type: 'joinGroup', group: 'g', ackId });
    client.heard();
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    client.say({ type: 'joinGroup', group: 'g', ackId: 0 });
    expect(client.heard()).toEqual([duplicate(1), ackText(0)]);
  });

  test('ids are a connection’s own', () => {
    const clients = [node.open({ roles: everything }), node.open({ roles: everything })];
    for (const client of clients) {
      client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
      expect(client.heard()).toEqual([ackText(1)]);
    }
  });
});

describe('events', () => {
  test('[CP-063] the upstream’s reply comes before the ack', async () => {
    const client = node.open();
    client.say(event({ ackId: 1 }));
    expect(client.session.calls.at(-1)).toEqual({ call: 'event', name: 'vote', payload: textPayload('yes') });
    expect(client.heard()).toEqual([]);
    await client.session.answer(textPayload('counted'));
    expect(client.heard()).toEqual([
      '{"type":"message","from":"server","dataType":"text","data":"counted"}',
      ackText(1),
    ]);
    expect(node.observer.of('sent')).toMatchObject([{ receivers: 1, protocol: 'json.webpubsub.azure.v1', bytes: 69 }]);
  });

  test('[CP-064] without a reply there is only the ack', async () => {
    const client = node.open();
    client.say(event({ ackId: 1 }));
    await client.session.answer();
    expect(client.heard()).toEqual([ackText(1)]);
  });

  test('[CP-065] unhandled: an error for who wants an ack, silence for others', async () => {
    const client = node.open();
    for (const more of [{ ackId: 1 }, {}]) {
      client.say(event(more));
      await client.session.refuse(new PubSubError('eventUnhandled', 'no handler for vote'));
    }
    expect(client.heard()).toEqual([errorAck(1, 'InternalServerError', 'Internal server error')]);
    expect(client.connection.isOpen).toBe(true);
    expect(node.observer.of('fault')).toEqual([]);
  });

  test('what the upstream sent or why it failed never reaches the client', async () => {
    const client = node.open();
    for (const error of [new PubSubError('eventFailed', 'SECRET'), new Error('SECRET'), 'SECRET']) {
      client.say(event({ ackId: 1 }));
      await client.session.refuse(error);
    }
    expect(client.heard()).toEqual(Array(3).fill(errorAck(1, 'InternalServerError', 'Internal server error')));
  });

  test('a fault of our own is reported whole', async () => {
    const client = node.open({ id: 'a' });
    const error = new TypeError('x is undefined');
    client.say(event({ ackId: 1 }));
    await client.session.refuse(error);
    expect(node.observer.of('fault')).toEqual([{ what: 'fault', where: 'request of connection a', error }]);
  });

  test('[upstream-events 3.4] with dropOnUserEventFailure a failed event ends the connection', async () => {
    node.dropsOnEventFailure = true;
    const client = node.open();
    client.say(event({ ackId: 1 }));
    await client.session.refuse(new PubSubError('eventFailed', 'SECRET'));
    expect(client.heard()).toEqual(['{"type":"system","event":"disconnected","message":"The event handler failed."}']);
    expect(client.outlet.closed).toEqual({ code: 1011, reason: '' });
    expect(node.observer.of('closed')).toMatchObject([{ category: 'SendEventFailed' }]);
  });

  test('the setting is read at each failure, and other failures are not its business', async () => {
    const client = node.open();
    client.say(event({ ackId: 1 }));
    await client.session.refuse(new PubSubError('eventFailed', ''));
    node.dropsOnEventFailure = true;
    client.say(event({ ackId: 2 }));
    await client.session.refuse(new PubSubError('eventUnhandled', ''));
    client.say({ type: 'joinGroup', group: 'g', ackId: 3 });
    expect(client.connection.isOpen).toBe(true);
    client.say(event({ ackId: 4 }));
    await client.session.refuse(new PubSubError('eventFailed', ''));
    expect(client.connection.isOpen).toBe(false);
  });

  test('an answer that comes after the end goes nowhere', async () => {
    const client = node.open();
    client.say(event({ ackId: 1 }));
    await node.chat.closeConnection(client.id);
    client.heard();
    await client.session.answer(textPayload('late'));
    expect(client.heard()).toEqual([]);
    expect(node.observer.of('sent')).toEqual([]);
  });

  test('other connections do not wait', () => {
    const [slow, other] = [node.open(), node.open({ roles: everything })];
    slow.say(event({ ackId: 1 }));
    other.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    expect(other.heard()).toEqual([ackText(1)]);
  });

  test('[CP-062] a request behind an event waits for it, a ping does not', async () => {
    const client = node.open({ roles: everything });
    client.say(event());
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    client.say({ type: 'ping' });
    expect(client.heard()).toEqual(['{"type":"pong"}']);
    await client.session.answer();
    expect(client.heard()).toEqual([ackText(1)]);
  });
});

describe('[client-protocols 4.5] malformed frames', () => {
  test('[CP-054] the client is told, then closed with 1007; nothing after it is carried out', async () => {
    const client = node.open({ roles: everything });
    client.say('{"type":"nonsense"}');
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    const message = 'unknown message type "nonsense"';
    expect(client.heard()).toEqual([JSON.stringify({ type: 'system', event: 'disconnected', message })]);
    expect(client.outlet.closed).toEqual({ code: 1007, reason: '' });
    expect(await membersOf('g')).toEqual([]);
    expect(node.observer.of('closed')).toMatchObject([{ category: 'BadRequest' }]);
  });

  test('[CP-055] a binary frame is 1003', () => {
    const client = node.open();
    client.connection.receive({ isBinary: true, bytes: Buffer.alloc(1) });
    expect(client.outlet.closed).toMatchObject({ code: 1003 });
  });

  test('the close code is that of the protocol', () => {
    const client = node.open({ protocol: { ...json, closeCodes: { ...json.closeCodes, malformed: 4007 } } });
    client.say('x');
    expect(client.outlet.closed).toMatchObject({ code: 4007 });
  });

  test('[client-protocols 4.1] behind an event, the event is answered first', async () => {
    const client = node.open();
    client.say(event({ ackId: 1 }));
    client.say('x');
    await client.session.answer();
    expect(client.heard()).toEqual([ackText(1), expect.stringContaining('"disconnected"')]);
    expect(client.outlet.closed).toMatchObject({ code: 1007 });
  });
});

describe('simple clients', () => {
  const say = (client: FakeClient, text: string) => client.say(text);

  test('[CP-027] the reply is sent bare', async () => {
    const client = node.open({ protocol: simpleEvents });
    say(client, 'hello');
    await client.session.answer({ dataType: 'json', bytes: Buffer.from(' {"a":1.0}'), metadata: undefined });
    expect(client.heard()).toEqual([' {"a":1.0}']);
  });

  test.each([
    ['[CP-028]', 'eventUnhandled', 'EventHandlerNotFound'],
    ['[CP-029]', 'eventFailed', 'SendEventFailed'],
  ] as const)('%s %s is close 1011 without a word', async (_id, kind, category) => {
    const client = node.open({ protocol: simpleEvents });
    say(client, 'hello');
    await client.session.refuse(new PubSubError(kind, 'SECRET'));
    expect(client.outlet.closed).toEqual({ code: 1011, reason: '' });
    expect(client.heard()).toEqual([]);
    expect(node.observer.of('closed')).toMatchObject([{ category, protocol: 'simple' }]);
  });

  test('[CP-031] publishing without the role is close 1008 at the first frame', () => {
    const client = node.open({ protocol: simplePublisher('g', false) });
    expect(client.connection.isOpen).toBe(true);
    say(client, 'x');
    expect(client.outlet.closed).toEqual({ code: 1008, reason: '' });
    expect(node.observer.of('closed')).toMatchObject([{ category: 'Unauthorized' }]);
  });

  test('[CP-032] [CP-033] with the role it is sent on, to the sender too unless noEcho', () => {
    const member = node.open({ groups: ['g'] });
    for (const noEcho of [false, true]) {
      const client = node.open({
        userId: 'bob',
        protocol: simplePublisher('g', noEcho),
        roles: everything,
        groups: ['g'],
      });
      say(client, 'x');
      expect(client.heard()).toEqual(noEcho ? [] : ['x']);
      expect(member.heard()).toEqual([groupMessage('g', 'bob', 'x')]);
      client.connection.end({ category: 'Normal', reason: '' });
    }
  });
});

test('a join is acked once other nodes can reach the group, and later requests wait for it', async () => {
  const backplane = new RecordingBackplane();
  node = new TestNode(backplane);
  const client = node.open({ roles: everything });
  let announce = () => {};
  backplane.ready = () => new Promise(resolve => (announce = resolve));
  client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
  client.say(sendTo('g', 'x', { ackId: 2 }));
  await settled();
  expect(client.heard()).toEqual([]);
  announce();
  await settled();
  expect(client.heard()).toEqual([ackText(1), groupMessage('g', null, 'x'), ackText(2)]);
});
