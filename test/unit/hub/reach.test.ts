import { beforeEach, describe, expect, test } from 'vitest';
import type { Hub } from '../../../src/hub/hub.js';
import type { ConnectReply } from '../../../src/hub/ports.js';
import { simpleEvents } from '../../../src/protocols/webpubsub/simple.js';
import { ackText, type FakeClient, RecordingOutlet, settled, TestNode, textPayload } from '../../support/fake-ports.js';
import { NetworkBus, type NetworkEnd } from '../../support/network-bus.js';

/** Two nodes on a network: `east` has the clients, and listens as fast as a test lets it. */
let end: NetworkEnd;
let east: TestNode;
let west: TestNode;
let announce: (() => void)[];

beforeEach(() => {
  const bus = new NetworkBus();
  end = bus.connect();
  east = new TestNode(end);
  west = new TestNode(bus.connect());
  announce = [];
});

/** From now on `east` listens when the test says so. */
function holdBack(): () => Promise<void> {
  end.latency = () => new Promise(resolve => announce.push(resolve));
  return async () => {
    for (const done of announce.splice(0)) done();
    await settled();
  };
}

const candidate = {
  userId: 'ann',
  claims: {},
  query: {},
  headers: {},
  subprotocols: ['json.webpubsub.azure.v1'],
  clientCertificates: [],
  roles: [],
  groups: ['g', 'h'],
  protocol: simpleEvents,
  protocolOf: () => undefined,
};
const message = textPayload('x');
const unknown = { kind: 'unknown', outcome: { http: 503, retryAfterSeconds: 1 } };
const failedAck = (ackId: number) =>
  `{"type":"ack","ackId":${ackId},"success":false,"error":{"name":"InternalServerError",` +
  '"message":"Not all nodes of the service could be reached. Try again later."}}';
const joinLeave = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

describe('an admitted client is within reach of other nodes before it is answered', () => {
  test('its groups, user and hub are listened to by then, and each send after that arrives', async () => {
    const reach = holdBack();
    let isAdmitted = false;
    const admitting = Promise.resolve(east.chat.lifecycle.admit(candidate)).then(admission => {
      isAdmitted = true;
      return admission;
    });
    await settled();
    expect([isAdmitted, announce.length]).toEqual([false, 5]);
    await reach();
    const admission = await admitting;
    const outlet = new RecordingOutlet();
    const { id } = east.chat.lifecycle.open(admission, outlet);
    expect(announce).toEqual([]); // nothing is left to wait for
    outlet.take();
    west.chat.sendToGroup('g', message);
    west.chat.sendToGroup('h', message);
    west.chat.sendToUser('ann', message);
    west.chat.sendToAll(message);
    west.chat.sendToConnection(id, message);
    expect(outlet.take()).toHaveLength(5);
  });

  test('also what the `connect` reply says, and not what the token said before', async () => {
    east.upstream.connectAnswer = async (): Promise<ConnectReply> => ({
      userId: 'bob',
      roles: undefined,
      groups: ['k'],
      subprotocol: undefined,
    });
    const admission = await east.chat.lifecycle.admit(candidate);
    expect(end.targets).toBe(4);
    east.chat.lifecycle.open(admission, new RecordingOutlet());
    expect(end.targets).toBe(4);
    expect(await west.chat.groupExists('k')).toBe(true);
  });

  test('once it has ended, nothing is listened to', async () => {
    const admission = await east.chat.lifecycle.admit(candidate);
    const connection = east.chat.lifecycle.open(admission, new RecordingOutlet());
    await east.chat.closeConnection(connection.id);
    expect([end.targets, east.hubs.find('chat')]).toEqual([0, undefined]);
  });

  test('one that has left meanwhile leaves nothing behind', async () => {
    const admission = await east.chat.lifecycle.admit(candidate);
    east.chat.lifecycle.abandon(admission);
    expect([end.targets, east.hubs.find('chat')]).toEqual([0, undefined]);
  });

  test.each(['with', 'without'])(
    '%s a connect handler, one that cannot be reached is refused and leaves nothing behind',
    async how => {
      if (how === 'with') {
        const reply = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };
        east.upstream.connectAnswer = () => Promise.resolve(reply);
      }
      end.isCutOff = true;
      await expect(east.chat.lifecycle.admit(candidate)).rejects.toMatchObject(unknown);
      expect([end.targets, east.hubs.find('chat')]).toEqual([0, undefined]);
      const told = how === 'with' ? ['connect', 'accept', 'disconnected'] : ['connect'];
      expect(east.upstream.sessions[0]?.history).toEqual(told); // an app server that has not accepted it knows nothing of it
      end.isCutOff = false;
      east.chat.lifecycle.open(await east.chat.lifecycle.admit(candidate), new RecordingOutlet());
      expect(await west.chat.userExists('ann')).toBe(true);
    },
  );

  test('one that is open when it turns out that it cannot be reached is told to come again', async () => {
    end.isCutOff = true;
    const client = east.open({ userId: 'ann', groups: ['g'] });
    await settled();
    expect(client.outlet.closed).toEqual({ code: 1013, reason: '' });
    expect([end.targets, east.hubs.find('chat')]).toEqual([0, undefined]);
    expect(east.observer.of('closed')).toMatchObject([{ category: 'ServiceTransientError' }]);
  });
});

describe('a join of which other nodes cannot be told', () => {
  let client: FakeClient;

  beforeEach(async () => {
    client = east.open({ id: 'c', roles: joinLeave });
    await settled();
    end.isCutOff = true;
  });

  test('is a failed ack, and is taken back', async () => {
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    await settled();
    expect(client.heard()).toEqual([failedAck(1)]);
    expect([...client.connection.groups]).toEqual([]);
    expect(client.session.presence).toEqual(['joined g', 'left g']);
    expect(east.observer.of('fault')).toEqual([]);
    end.isCutOff = false;
    client.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    await settled();
    expect(client.heard()).toEqual([ackText(1)]);
    west.chat.sendToGroup('g', message);
    expect(client.heard()).toHaveLength(1);
  });

  test('fails for all who joined meanwhile, and for nobody who came after them', async () => {
    const other = east.open({ id: 'o', roles: joinLeave, groups: [] });
    const reach = holdBack();
    const [first, second] = [client, other];
    for (const each of [first, second]) each.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    first.say({ type: 'leaveGroup', group: 'g', ackId: 2 });
    await reach();
    expect([...first.connection.groups, ...second.connection.groups]).toEqual([]);
    expect([first.heard(), second.heard()]).toMatchObject([[failedAck(1), ackText(2)], expect.anything()]);
    expect(end.targets).toBeLessThan(4);
  });

  test('does not take back a membership that was given up and taken anew meanwhile', async () => {
    const members: string[] = [];
    const reach = holdBack();
    const first = east.chat.addConnectionToGroup('c', 'g');
    await east.chat.removeConnectionFromGroup('c', 'g');
    const failing = announce.splice(0);
    const second = east.chat.addConnectionToGroup('c', 'g');
    for (const done of failing) done();
    await expect(first).rejects.toMatchObject(unknown);
    members.push(...client.connection.groups);
    end.isCutOff = false;
    await reach();
    expect(await second).toBe(true);
    expect([members, [...client.connection.groups]]).toEqual([['g'], ['g']]);
  });

  test.each<[string, (hub: Hub) => Promise<unknown>]>([
    ['a connection', hub => hub.addConnectionToGroup('c', 'g')],
    ['a user', hub => hub.addUserToGroup('ann', 'g')],
    ['a filter', hub => hub.addConnectionsToGroups(['g', 'h'])],
  ])('of %s, by REST, is unknown and taken back', async (_whose, join) => {
    end.isCutOff = false;
    const ann = east.open({ userId: 'ann' });
    await settled();
    const reach = holdBack();
    const joining = join(east.chat);
    joining.catch(() => {});
    await settled();
    end.isCutOff = true;
    await reach();
    await expect(joining).rejects.toMatchObject(unknown);
    expect([...client.connection.groups, ...ann.connection.groups]).toEqual([]);
    end.isCutOff = false;
    expect(await west.chat.groupExists('g')).toBe(false);
  });

  test('requested by another node is unknown there', async () => {
    end.isCutOff = false;
    const reach = holdBack();
    const joining = west.chat.addConnectionToGroup('c', 'g');
    joining.catch(() => {});
    await settled();
    end.isCutOff = true;
    await reach();
    await expect(joining).rejects.toMatchObject(unknown);
    expect(east.observer.of('fault')).toEqual([]); // it is no fault of ours
  });
});

describe('what cannot be passed on', () => {
  const everything = [...joinLeave, 'webpubsub.setGroupState', 'webpubsub.getGroupState'];
  let client: FakeClient;
  let here: FakeClient;
  let there: FakeClient;

  beforeEach(async () => {
    client = east.open({ id: 'c', roles: everything, groups: ['g'] });
    here = east.open({ roles: everything, groups: ['g'] });
    there = west.open({ groups: ['g'] });
    await settled();
    end.isCutOff = true;
  });

  const heard = () => [here.heard(), there.heard()];

  test('is refused by REST, and nobody gets it, so that it can be sent again', () => {
    const { chat } = east;
    for (const send of [
      () => chat.sendToAll(message),
      () => chat.sendToGroup('g', message),
      () => chat.sendToUser('ann', message),
      () => chat.sendToConnection(here.id, message),
    ]) {
      expect(send).toThrow(expect.objectContaining({ kind: 'unknown' }));
    }
    expect(heard()).toEqual([[], []]);
    end.isCutOff = false;
    chat.sendToGroup('g', message);
    expect(heard().map(({ length }) => length)).toEqual([1, 1]);
  });

  test('is a failed ack, and nobody gets it', () => {
    client.say({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'x', ackId: 1 });
    expect(client.heard()).toEqual([failedAck(1)]);
    expect(heard()).toEqual([[], []]);
  });

  test('is a group state that is not set; leaving clears one all the same', async () => {
    end.isCutOff = false;
    client.say({ type: 'setGroupState', group: 'g', state: { k: 'old' } });
    here.say({ type: 'subscribeGroupState', group: 'g' });
    await settled();
    here.heard();
    end.isCutOff = true;
    client.say({ type: 'setGroupState', group: 'g', state: { k: 'new' }, ackId: 1 });
    expect(client.heard()).toEqual([failedAck(1)]);
    expect(here.heard()).toEqual([]);
    client.say({ type: 'leaveGroup', group: 'g', ackId: 2 });
    expect(client.heard()).toEqual([ackText(2)]);
    expect(here.heard()).toEqual([expect.stringContaining('"groupStateUpdate"')]);
  });

  test('ends a stream, and its publisher is told', () => {
    end.isCutOff = false;
    client.say({ type: 'sendToGroup', group: 'g', stream: { streamId: 's' } });
    client.heard();
    end.isCutOff = true;
    const fragment = { type: 'streamData', streamId: 's', streamSequenceId: 1, dataType: 'text', data: 'x' };
    client.say(fragment);
    const [closed, ...others] = client.heard();
    expect([closed, others]).toEqual([expect.stringContaining('InternalServerError'), []]);
    expect(heard()).toEqual([[], []]);
    end.isCutOff = false;
    client.say(fragment);
    expect(client.heard()).toEqual([expect.stringContaining('StreamNotFound')]);
  });
});
