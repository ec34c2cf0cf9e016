import { describe, expect, test, vi } from 'vitest';
import { isSigned } from '../../../../src/auth/pusher-signatures.js';
import { MemoryBus } from '../../../../src/backplane/memory.js';
import { PubSubError } from '../../../../src/errors.js';
import type { Backplane, Gathered } from '../../../../src/hub/ports.js';
import { PusherDialogue } from '../../../../src/protocols/pusher/dialogue.js';
import { pusherProtocols } from '../../../../src/protocols/pusher/index.js';
import {
  type FakeClient,
  RecordingOutlet,
  settled,
  TestNode,
  textFrame,
  textPayload,
} from '../../../support/fake-ports.js';
import { auth } from '../../../support/pusher.js';

const { current: protocol } = pusherProtocols({ activityTimeoutMs: 120_000, pongTimeoutMs: 30_000 });
const channel = 'presence-x';

/** Answers of the other nodes come when the test says so. */
class SlowBackplane implements Backplane {
  readonly tag = 'slow';
  readonly listensAtOnce = true;
  readonly #inner: Backplane;
  #gates: (() => void)[] = [];
  isSlow = true;
  /** What gathering fails with. */
  error: Error | undefined;

  constructor(inner: Backplane) {
    this.#inner = inner;
  }

  attach: Backplane['attach'] = node => this.#inner.attach(node);
  publish: Backplane['publish'] = (target, command) => this.#inner.publish(target, command);
  listen: Backplane['listen'] = target => this.#inner.listen(target);
  unlisten: Backplane['unlisten'] = target => this.#inner.unlisten(target);
  close: Backplane['close'] = () => this.#inner.close();

  /** The others answer at once, and the answers are on their way. */
  gather: Backplane['gather'] = async (target, query, isFinal) => {
    if (this.error !== undefined) throw this.error;
    const answers = await this.#inner.gather(target, query, isFinal);
    if (this.isSlow) await new Promise<void>(open => this.#gates.push(open));
    return answers as Gathered<never>;
  };

  get waiting(): number {
    return this.#gates.length;
  }

  async answer(): Promise<void> {
    for (const open of this.#gates.splice(0)) open();
    await settled();
  }

  /** To what was asked first. */
  async answerFirst(): Promise<void> {
    this.#gates.shift()?.();
    await settled();
  }

  /** And what is asked because of the answers. */
  async answerAll(): Promise<void> {
    while (this.waiting > 0) await this.answer();
  }
}

interface Pusher extends Omit<FakeClient, 'heard'> {
  /** Events so far, with what tells them apart. */
  heard(): string[];
}

const keys = [{ key: 'hubkey01', secret: 'hubsecret01', active: true }];
const app = {
  isSigned: (given: string, text: string) => isSigned(keys, given, text),
  takesClientEvents: true,
  countsSubscriptions: false,
  mostMembers: 3,
  clientEventsPerSecond: 10,
  mostEventBytes: 10_240,
};
let sockets = 0;

function open(node: TestNode): Pusher {
  sockets += 1;
  const id = `${sockets}.1`;
  const session = node.upstream.open('chat', id);
  const outlet = new RecordingOutlet();
  const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
  const dialogue = new PusherDialogue(app, id);
  const admission = {
    connectionId: id,
    userId: undefined,
    roles,
    groups: [],
    subprotocol: undefined,
    protocol,
    dialogue,
  };
  const connection = node.chat.lifecycle.open({ ...admission, upstream: session }, outlet);
  outlet.take();
  const say = (message: string | object) => connection.receive(textFrame(message));
  return { id, connection, outlet, session, say, heard: () => outlet.take().map(shortened) };
}

function shortened(text: string): string {
  const { event, data } = JSON.parse(text);
  if (event === 'pusher_internal:subscription_succeeded') return `in ${JSON.parse(data).presence?.ids ?? ''}`;
  if (event === 'pusher_internal:member_added') return `+${JSON.parse(data).user_id}`;
  if (event === 'pusher_internal:member_removed') return `-${JSON.parse(data).user_id}`;
  return event;
}

function join(client: Pusher, userId: string): void {
  const data = JSON.stringify({ user_id: userId });
  client.say({
    event: 'pusher:subscribe',
    data: { channel, auth: auth(`${client.id}:${channel}:${data}`), channel_data: data },
  });
}

function leave(client: Pusher): void {
  client.say({ event: 'pusher:unsubscribe', data: { channel } });
}

function twoNodes() {
  const bus = new MemoryBus();
  const backplane = new SlowBackplane(bus.connect());
  return { backplane, here: new TestNode(backplane), there: new TestNode(bus.connect()) };
}

describe('while the other nodes are asked', () => {
  test('what happens there is in the list; what comes after the list is told', async () => {
    const { backplane, here, there } = twoNodes();
    const [a, b, c] = [open(here), open(there), open(there)];
    join(b, 'b');
    await settled();
    join(a, 'a');
    await settled();
    join(c, 'c');
    await settled();
    leave(b);
    await settled();
    expect(a.heard()).toEqual([]);
    there.chat.sendToGroup(channel, textPayload('x'), { event: 'before' });
    await backplane.answer();
    expect(a.heard()).toEqual(['in c,a']);
    there.chat.sendToGroup(channel, textPayload('x'), { event: 'after' });
    expect(a.heard()).toEqual(['after']);
    expect(c.heard()).toEqual(['in b,c', '-b', 'before', '+a', 'after']);
  });

  test('one that joins meanwhile is in the next round', async () => {
    const { backplane, here } = twoNodes();
    const [a, b] = [open(here), open(here)];
    join(a, 'a');
    await settled();
    join(b, 'b');
    await settled();
    expect(backplane.waiting).toBe(1);
    await backplane.answer();
    expect([a.heard(), b.heard(), backplane.waiting]).toEqual([['in a'], [], 1]);
    await backplane.answer();
    expect([a.heard(), b.heard()]).toEqual([['+b'], ['in a,b']]);
  });

  test('a client that leaves meanwhile never joins, and later messages of others wait for the answer', async () => {
    const { backplane, here } = twoNodes();
    const [gone, a] = [open(here), open(here)];
    join(gone, 'gone');
    join(a, 'a');
    a.say({ event: 'client-x', channel, data: 1 });
    await settled();
    here.chat.lifecycle.lose(gone.connection, gone.outlet, { category: 'Normal', reason: '' }, true);
    await backplane.answerAll();
    expect([a.heard(), gone.heard()]).toEqual([['in a'], []]);
    expect(here.observer.facts.filter(({ what }) => what === 'clientEvent')).toHaveLength(1);
    expect(here.observer.facts.filter(({ what }) => what === 'memberAdded')).toHaveLength(1);
  });

  test('nodes that cannot be asked: an error, and the channel can be tried again', async () => {
    const { backplane, here } = twoNodes();
    const a = open(here);
    backplane.error = new PubSubError('unknown', 'x');
    join(a, 'a');
    await settled();
    expect(a.heard()).toEqual(['pusher:subscription_error', 'pusher:error']);
    backplane.error = undefined;
    backplane.isSlow = false;
    join(a, 'a');
    await settled();
    expect([a.heard(), here.observer.faults]).toEqual([['in a'], []]);
  });

  test('the limit counts those who are let in together', async () => {
    const { backplane, here } = twoNodes();
    backplane.isSlow = false;
    const clients = ['a', 'b', 'c', 'd', 'a'].map(id => ({ id, client: open(here) }));
    for (const { id, client } of clients) join(client, id);
    await settled();
    await settled();
    expect(clients.map(({ client }) => client.heard()[0])).toEqual([
      'in a', // alone, as the test's turn ends with each
      'in a,b,c',
      'in a,b,c',
      'pusher:subscription_error',
      'in a,b,c',
    ]);
  });
});

test('the list of members is made once for all who join in one turn, and its frame is shared', async () => {
  const { backplane, here } = twoNodes();
  backplane.isSlow = false;
  const clients = ['a', 'b', 'c'].map(id => ({ id, client: open(here) }));
  const sent = clients.map(({ client }) => vi.spyOn(client.outlet, 'send'));
  for (const { id, client } of clients) join(client, id);
  await settled();
  await settled();
  const [first, second, third] = sent.map(({ mock }) => mock.calls[0]![0]);
  expect(clients[2]!.client.heard()).toEqual(['in a,b,c']);
  expect(second).toBe(third);
  expect(second).not.toBe(first); // alone, as the test's turn ends with each
});

describe('a member that leaves', () => {
  test('while another connection brings the same one: nobody is told', async () => {
    const { backplane, here } = twoNodes();
    backplane.isSlow = false;
    const [watcher, first, second] = [open(here), open(here), open(here)];
    join(watcher, 'w');
    join(first, 'a');
    await settled();
    watcher.heard();
    backplane.isSlow = true;
    join(second, 'a');
    await settled();
    leave(first);
    await settled();
    await backplane.answerFirst();
    await backplane.answerAll();
    expect([watcher.heard(), second.heard()]).toEqual([[], ['in w,a']]);
    leave(second);
    await settled();
    await backplane.answerAll();
    expect(watcher.heard()).toEqual(['-a']);
  });

  test('the other nodes are told before its hub is gone', async () => {
    const bus = new MemoryBus();
    const tasks: (() => void)[] = [];
    const here = new TestNode(bus.connect(), { atEnd: task => void tasks.push(task) });
    const there = new TestNode(bus.connect());
    const endTurn = async () => {
      for (const task of tasks.splice(0)) task();
      await settled();
    };
    const [a, watcher] = [open(here), open(there)];
    join(watcher, 'w');
    join(a, 'a');
    await settled();
    await endTurn();
    watcher.heard();
    const { chat } = here;
    here.chat.lifecycle.lose(a.connection, a.outlet, { category: 'Normal', reason: '' }, true);
    expect([here.hubs.find('chat') === chat, watcher.heard()]).toEqual([true, []]);
    await endTurn();
    expect([here.hubs.find('chat'), watcher.heard()]).toEqual([undefined, ['-a']]);
  });
});
