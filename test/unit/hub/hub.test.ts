import { beforeEach, describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { json } from '../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents } from '../../../src/protocols/webpubsub/simple.js';
import { RecordingOutlet, settled, TestNode, textPayload } from '../../support/fake-ports.js';

let node: TestNode;

beforeEach(() => {
  node = new TestNode();
});

const disconnected = (message: string) => JSON.stringify({ type: 'system', event: 'disconnected', message });

/** An admitted JSON client that has not been opened. */
function admission(more: { userId?: string; roles?: string[]; groups?: string[]; isAccepted?: boolean } = {}) {
  const upstream = node.upstream.open('chat', 'c');
  const { userId, roles = [], groups = [], isAccepted = false } = more;
  const subprotocol = 'JSON.webpubsub.azure.v1';
  return { connectionId: 'c', userId, roles, groups, subprotocol, protocol: json, upstream, isAccepted };
}

describe('opening', () => {
  test('[CP-035] the first frame is `connected`, with the client already in its groups', async () => {
    const outlet = new RecordingOutlet();
    outlet.send = frames => {
      outlet.frames.push(...frames.each());
      if (outlet.frames.length === 1) node.chat.sendToGroup('g', textPayload('at once'));
    };
    node.chat.lifecycle.open(admission({ userId: 'ann', groups: ['g', 'h'] }), outlet);
    expect(outlet.take()).toEqual([
      '{"type":"system","event":"connected","userId":"ann","connectionId":"c"}',
      '{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"text","data":"at once"}',
    ]);
    expect(await node.chat.listGroup('h')).toEqual([{ connectionId: 'c', userId: 'ann' }]);
  });

  test('[CP-036] an anonymous client has no user', async () => {
    const outlet = new RecordingOutlet();
    node.chat.lifecycle.open(admission({ groups: ['g'] }), outlet);
    expect(outlet.take()).toEqual(['{"type":"system","event":"connected","userId":null,"connectionId":"c"}']);
    expect(await node.chat.listGroup('g')).toEqual([{ connectionId: 'c', userId: undefined }]);
  });

  test('[vendor suite] an empty user id is greeted as it is, and is that of nobody', async () => {
    const outlet = new RecordingOutlet();
    node.chat.lifecycle.open(admission({ userId: '', groups: ['g'], roles: ['webpubsub.sendToGroup'] }), outlet);
    expect(outlet.take()).toEqual(['{"type":"system","event":"connected","userId":"","connectionId":"c"}']);
    expect(await node.chat.listGroup('g')).toEqual([{ connectionId: 'c', userId: undefined }]);
    expect(await node.chat.userExists('')).toBe(false);
    node.chat.sendToAll(textPayload('all'), { filter: 'userId eq null' });
    await settled();
    expect(outlet.take()).toHaveLength(1);
  });

  test('[CP-025] a simple client hears nothing', () => {
    const outlet = new RecordingOutlet();
    node.chat.lifecycle.open({ ...admission(), protocol: simpleEvents, subprotocol: undefined }, outlet);
    expect(outlet.frames).toEqual([]);
  });

  test('the upstream is told who came, then that it is connected; the observer too', () => {
    const asked = admission({ userId: 'ann', roles: ['webpubsub.sendToGroups.\\', 'custom'] });
    node.chat.lifecycle.open(asked, new RecordingOutlet());
    expect(asked.upstream.calls).toEqual([
      { call: 'accept', userId: 'ann', subprotocol: 'JSON.webpubsub.azure.v1' },
      { call: 'connected' },
    ]);
    const at = { hub: 'chat', connectionId: 'c', protocol: 'json.webpubsub.azure.v1' };
    expect(node.observer.facts).toEqual([
      { what: 'identified', ...at, userId: 'ann', subprotocol: 'JSON.webpubsub.azure.v1', isFirst: true },
      { what: 'opened', ...at, isFirst: true },
      { what: 'roleIgnored', ...at, role: 'webpubsub.sendToGroups.\\', reason: 'not a valid pattern' },
      { what: 'roleIgnored', ...at, role: 'custom', reason: 'not a role of this service' },
    ]);
  });

  test('[upstream-events D39] a client that left before is accepted and ended, and never was here', () => {
    const asked = admission({ isAccepted: true });
    node.chat.lifecycle.abandon(asked);
    expect(asked.upstream.history).toEqual(['accept', 'disconnected']);
    expect(node.chat.size).toBe(0);
    expect(node.observer.facts.map(({ what }) => what)).toEqual(['abandoned']);
  });

  test('a client that left before, and of whom no app server knows, leaves nothing to tell', () => {
    const asked = admission();
    node.chat.lifecycle.abandon(asked);
    expect([asked.upstream.history, node.observer.facts]).toEqual([[], []]);
  });
});

describe('[client-protocols 8.3] endings', () => {
  test('[CP-071] [RA-047] the app server’s close: the reason in the message, 1000, nothing in the Close frame', async () => {
    const client = node.open();
    const reason = 'r'.repeat(200);
    await node.chat.closeConnection(client.id, reason);
    const text = `Application server closed the connection. Reason: ${reason}`;
    expect(client.heard()).toEqual([disconnected(text)]);
    expect(client.outlet.closed).toEqual({ code: 1000, reason: '' });
    expect(client.session.calls.at(-1)).toEqual({ call: 'disconnected', reason: text });
    expect(node.observer.of('closed')).toMatchObject([{ category: 'ClosedByAppServer', reason: text }]);
  });

  test.each([undefined, ''])('[RA-048] without a reason (%j) there is no suffix', async reason => {
    const client = node.open();
    await node.chat.closeConnection(client.id, reason);
    expect(client.heard()).toEqual([disconnected('Application server closed the connection.')]);
  });

  test('a simple client is closed without a word', async () => {
    const client = node.open({ protocol: simpleEvents });
    await node.chat.closeConnection(client.id, 'why');
    expect(client.heard()).toEqual([]);
    expect(client.outlet.closed).toEqual({ code: 1000, reason: '' });
  });

  test('a lost socket ends its connection without writing to it', () => {
    const client = node.open({ userId: 'ann', groups: ['g'] });
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: 'bye' }, false);
    expect(client.heard()).toEqual([]);
    expect(client.outlet.closed).toBeUndefined();
    expect(client.session.calls.at(-1)).toEqual({ call: 'disconnected', reason: 'bye' });
    expect(node.chat.size).toBe(0);
  });

  test('whatever comes together, a connection ends once', async () => {
    const client = node.open();
    node.chat.lifecycle.fail(client.connection, new PubSubError('slowClient', 'The client is too slow.'));
    node.chat.lifecycle.fail(client.connection, new PubSubError('malformed', 'x'));
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: 'bye' }, false);
    await node.chat.closeConnection(client.id);
    expect(client.heard()).toEqual([disconnected('The client is too slow.')]);
    expect(client.outlet.closed).toEqual({ code: 1008, reason: '' });
    expect(client.session.history.filter(call => call === 'disconnected')).toHaveLength(1);
    expect(node.observer.of('closed')).toMatchObject([{ category: 'SlowClient' }]);
  });

  test('an outlet that fails while its connection is told goodbye leaves no trace of it', async () => {
    const client = node.open({ userId: 'ann', groups: ['g'] });
    client.outlet.send = () =>
      node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: 'lost' }, false);
    await node.chat.closeConnection(client.id);
    expect(client.outlet.closed).toBeUndefined();
    expect(await Promise.all([node.chat.userExists('ann'), node.chat.groupExists('g')])).toEqual([false, false]);
    expect(client.session.history.filter(call => call === 'disconnected')).toHaveLength(1);
  });
});

describe('[design 5] shutdown', () => {
  test('evicts as many as it is told, says why, and answers how many are left', () => {
    const clients = Array.from({ length: 5 }, () => node.open());
    const closed = () => clients.filter(({ outlet }) => outlet.closed !== undefined).length;
    expect(node.chat.lifecycle.evict(2)).toBe(3);
    expect(closed()).toBe(2);
    expect(node.chat.lifecycle.evict(0)).toBe(3);
    expect(node.chat.lifecycle.evict(100)).toBe(0);
    expect(closed()).toBe(5);
    expect(node.chat.lifecycle.evict(1)).toBe(0);
    for (const { outlet } of clients) {
      expect(outlet.closed).toEqual({ code: 1001, reason: '' });
      expect(outlet.take()).toEqual([disconnected('The service is shutting down.')]);
    }
    expect(node.observer.of('closed').every(({ category }) => category === 'ServiceReload')).toBe(true);
  });
});
