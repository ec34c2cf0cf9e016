import { beforeEach, describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/hub/facts.js';
import type { Watcher } from '../../../src/hub/watches.js';
import { jsonReliable } from '../../../src/protocols/webpubsub/json/index.js';
import { ackText, RecordingOutlet, TestNode, textPayload } from '../../support/fake-ports.js';

let node: TestNode;

beforeEach(() => {
  node = new TestNode();
});

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const toGroup = { type: 'sendToGroup', group: 'g', dataType: 'text', data: 'hello', ackId: 1 };
const helloFromAnn =
  '{"type":"message","from":"group","group":"g","fromUserId":"ann","dataType":"text","data":"hello"}';

/** A watcher of everything, and what it saw as text. */
function watcher(): Required<Pick<Watcher, 'fact' | 'frames' | 'published'>> & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    fact: fact => seen.push(fact.kind),
    frames: fact => seen.push(frameText(fact)),
    published: ({ scope, to, message, by }) => {
      const text = 'payload' in message ? message.payload.bytes.toString() : message.kind;
      seen.push(`published to ${scope} ${to} by ${by?.id ?? 'the app server'}: ${text}`);
    },
  };
}

function frameText(fact: Fact & { kind: 'received' | 'sent' }): string {
  const { id } = fact.connection;
  if (fact.kind === 'received') return `${id} > ${fact.frame.bytes}`;
  return fact.frames
    .each()
    .map(({ bytes }) => `${id} < ${bytes}`)
    .join('\n');
}

describe('what watchers see', () => {
  test('of one connection: its facts, what it publishes, and frames both ways; nothing of others', () => {
    const ann = node.open({ id: 'ann', userId: 'ann', roles, groups: ['g'] });
    const bob = node.open({ id: 'bob', userId: 'bob', roles });
    const { seen, ...sees } = watcher();
    node.watches.watch({ hub: 'chat', connectionId: 'ann' }, sees);
    ann.say(toGroup);
    bob.say({ type: 'joinGroup', group: 'g' });
    bob.say({ ...toGroup, noEcho: true, data: 'from bob' });
    ann.say({ type: 'leaveGroup', group: 'g' });
    expect(seen).toEqual([
      `ann > ${JSON.stringify(toGroup)}`,
      `ann < ${helloFromAnn}`,
      'published to group g by ann: hello',
      `ann < ${ackText(1)}`,
      `ann < ${helloFromAnn.replace('"ann"', '"bob"').replace('hello', 'from bob')}`,
      'ann > {"type":"leaveGroup","group":"g"}',
      'left',
    ]);
  });

  test('of a hub: all of its connections, also those that open later, from their `connected` message on', async () => {
    const { seen, ...sees } = watcher();
    node.watches.watch({ hub: 'CHAT' }, sees);
    node.open({ id: 'ann' });
    node.chat.sendToAll(textPayload('to all'));
    node.hubs.get('news').sendToAll(textPayload('elsewhere'));
    await node.chat.closeConnection('ann');
    expect(seen).toEqual([
      'identified',
      'opened',
      'ann < {"type":"system","event":"connected","userId":null,"connectionId":"ann"}',
      'ann < {"type":"message","from":"server","dataType":"text","data":"to all"}',
      'published to hub chat by the app server: to all',
      'ann < {"type":"system","event":"disconnected","message":"Application server closed the connection."}',
      'ended',
      'closed',
    ]);
  });

  test('of the node: what is published to every hub, in each scope', () => {
    const { seen, published } = watcher();
    node.watches.watch({}, { published });
    node.chat.sendToUser('ann', textPayload('1'));
    node.chat.sendToConnection('c', textPayload('2'));
    node.hubs.reach('news').sendToGroup('g', textPayload('3'));
    expect(seen).toEqual([
      'published to user ann by the app server: 1',
      'published to connection c by the app server: 2',
      'published to group g by the app server: 3',
    ]);
  });

  test('of a session that is away: nothing is sent until it is recovered', () => {
    const ann = node.open({ id: 'ann', protocol: jsonReliable });
    const { seen, frames } = watcher();
    node.watches.watch({ connectionId: 'ann' }, { frames });
    node.chat.lifecycle.lose(ann.connection, ann.outlet, { category: 'Normal', reason: '' }, false);
    node.chat.sendToAll(textPayload('missed'));
    expect(seen).toEqual([]);
    node.chat.lifecycle.resume(ann.connection, new RecordingOutlet());
    expect(seen).toEqual([
      expect.stringContaining('"event":"connected"'),
      'ann < {"type":"message","from":"server","dataType":"text","data":"missed","sequenceId":1}',
    ]);
  });
});

describe('a watch that ends', () => {
  test('sees no more, and the others go on', () => {
    const [first, second] = [watcher(), watcher()];
    const ann = node.open({ id: 'ann', roles });
    const end = node.watches.watch({ hub: 'chat', connectionId: 'ann' }, first);
    node.watches.watch({ hub: 'chat' }, second);
    end();
    end();
    ann.say({ type: 'ping' });
    expect([first.seen, second.seen]).toEqual([[], ['ann > {"type":"ping"}', 'ann < {"type":"pong"}']]);
    expect(node.watches.isActive).toBe(true);
  });

  test('for throwing, is reported once; neither the hub nor the others notice', () => {
    const { seen, frames } = watcher();
    const error = new Error('a bug of this watcher');
    const broken = () => {
      throw error;
    };
    node.watches.watch({ hub: 'chat' }, { frames: broken, fact: broken, published: broken });
    node.watches.watch({ hub: 'chat' }, { frames });
    const ann = node.open({ id: 'ann', roles });
    ann.say({ type: 'ping' });
    expect(ann.heard()).toEqual(['{"type":"pong"}']);
    expect(seen.slice(1)).toEqual(['ann > {"type":"ping"}', 'ann < {"type":"pong"}']);
    expect(node.observer.of('fault')).toMatchObject([{ error }]);
  });
});

describe('nothing is made for what nobody watches', () => {
  /** How often the watches were told of something. */
  function countCalls(): () => number {
    let calls = 0;
    for (const name of ['framesOf', 'published', 'attempted', 'seesAttempts'] as const) {
      const own = node.watches[name].bind(node.watches) as (...about: unknown[]) => unknown;
      Object.assign(node.watches, {
        [name]: (...about: unknown[]) => {
          calls += 1;
          return own(...about);
        },
      });
    }
    return () => calls;
  }

  test('without a watch nothing of them is called', async () => {
    const calls = countCalls();
    const ann = node.open({ id: 'ann', roles, groups: ['g'] });
    ann.say(toGroup);
    node.chat.sendToAll(textPayload('to all'));
    expect(ann.connection.frameWatch).toBeUndefined();
    await node.chat.closeConnection('ann');
    expect(calls()).toBe(0);
  });

  test('a connection is marked only while its own frames are watched', () => {
    const [ann, bob] = [node.open({ id: 'ann' }), node.open({ id: 'bob' })];
    const marked = () => [ann, bob].filter(({ connection }) => connection.frameWatch !== undefined).map(({ id }) => id);
    const { frames, fact, published } = watcher();
    node.watches.watch({ hub: 'chat' }, { fact, published });
    expect(marked()).toEqual([]);
    const endOne = node.watches.watch({ hub: 'chat', connectionId: 'bob' }, { frames });
    expect(marked()).toEqual(['bob']);
    const endAll = node.watches.watch({}, { frames });
    expect(marked()).toEqual(['ann', 'bob']);
    endAll();
    expect(marked()).toEqual(['bob']);
    endOne();
    expect(marked()).toEqual([]);
  });
});
