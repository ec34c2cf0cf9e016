import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../../src/backplane/memory.js';
import type { Turn } from '../../../../src/hub/ports.js';
import { json, jsonReliable } from '../../../../src/protocols/webpubsub/json/index.js';
import { type FakeClient, RecordingOutlet, settled, TestNode, textPayload } from '../../../support/fake-ports.js';

/** Ends when the test says so. */
class HandTurn implements Turn {
  #tasks: (() => void)[] = [];

  atEnd(task: () => void): void {
    this.#tasks.push(task);
  }

  end(): void {
    for (const task of this.#tasks.splice(0)) task();
  }
}

let turn: HandTurn;
let node: TestNode;

beforeEach(() => {
  turn = new HandTurn();
  node = new TestNode(new MemoryBus().connect(), turn);
});

const data = (texts: readonly string[]) => texts.map(text => /"data":"([^"]*)"/.exec(text)?.[1] ?? text);

describe('[design 4] what one audience is sent within a turn', () => {
  test('waits for the turn’s end, and then each receiver is given it in one go', () => {
    const [a, b] = [node.open({ groups: ['g'] }), node.open({ groups: ['g'] })];
    const given: number[] = [];
    for (const { outlet } of [a, b]) {
      const send = outlet.send.bind(outlet);
      outlet.send = frames => {
        given.push(frames.count);
        send(frames);
      };
    }
    for (const text of ['1', '2', '3']) node.chat.sendToGroup('g', textPayload(text));
    expect(given).toEqual([]);
    turn.end();
    expect(given).toEqual([3, 3]);
    expect(data(a.heard())).toEqual(['1', '2', '3']);
    expect(data(b.heard())).toEqual(['1', '2', '3']);
    turn.end();
    expect(given).toHaveLength(2);
  });

  test('[design 5] an ack comes after what its request brought about', () => {
    const publisher = node.open({ groups: ['g'], roles: ['webpubsub.sendToGroup'] });
    const other = node.open({ groups: ['g'] });
    publisher.say({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'x', ackId: 1 });
    expect(data(publisher.heard())).toEqual(['x', '{"type":"ack","ackId":1,"success":true}']);
    turn.end();
    expect(data(other.heard())).toEqual(['x']);
    expect(publisher.heard()).toEqual([]);
  });

  test('does not hold up what others are told, nor is it held up by it', () => {
    const publisher = node.open({ roles: ['webpubsub.sendToGroup'] });
    const member = node.open({ groups: ['g'] });
    for (const ackId of [1, 2]) publisher.say({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'x', ackId });
    expect(publisher.heard()).toHaveLength(2);
    expect(member.heard()).toEqual([]);
    turn.end();
    expect(member.heard()).toHaveLength(2);
  });

  test('[RA-040] those with other exclusions do not get what is not theirs', () => {
    const [a, b] = [node.open({ id: 'a', groups: ['g'] }), node.open({ id: 'b', groups: ['g'] })];
    node.chat.sendToGroup('g', textPayload('both'));
    node.chat.sendToGroup('g', textPayload('not a'), { excluded: ['a'] });
    node.chat.sendToGroup('g', textPayload('not a either'), { excluded: ['a'] });
    node.chat.sendToGroup('g', textPayload('not b'), { excluded: ['b'] });
    turn.end();
    expect(data(a.heard())).toEqual(['both', 'not b']);
    expect(data(b.heard())).toEqual(['both', 'not a', 'not a either']);
  });

  test('a filter sees connections as they are when the message is sent', async () => {
    const client = node.open({ id: 'a', groups: ['g'] });
    node.chat.sendToAll(textPayload('members'), { filter: "'g' in groups" });
    await node.chat.removeConnectionFromGroup('a', 'g');
    turn.end();
    expect(data(client.heard())).toEqual(['members']);
  });

  test.each([
    ['256 messages', 256, 1],
    ['a mebibyte', 4, 256 * 1024],
  ])('%s do not wait', (_title, count, bytes) => {
    const client = node.open({ groups: ['g'] });
    for (let index = 0; index < count; index += 1) node.chat.sendToGroup('g', textPayload('x'.repeat(bytes)));
    expect(client.heard()).toHaveLength(count);
  });

  test('a fault in delivering it is reported, and what comes later is delivered', () => {
    const client = node.open({ groups: ['g'] });
    const send = client.outlet.send.bind(client.outlet);
    client.outlet.send = () => {
      throw new Error('broken');
    };
    node.chat.sendToGroup('g', textPayload('lost'));
    turn.end();
    expect(node.observer.of('fault')).toMatchObject([{ where: 'messages of hub chat' }]);
    client.outlet.send = send;
    node.chat.sendToGroup('g', textPayload('kept'));
    turn.end();
    expect(data(client.heard())).toEqual(['kept']);
  });

  test('[CP-080] a client that resumes hears it once, after `connected`', () => {
    const client = node.open({ id: 'r', groups: ['g'], protocol: jsonReliable });
    node.chat.sendToGroup('g', textPayload('x'));
    const next = new RecordingOutlet();
    node.chat.lifecycle.resume(client.connection, next);
    turn.end();
    const heard = next.take();
    expect(heard[0]).toContain('"event":"connected"');
    expect(data(heard.slice(1))).toEqual(['x']);
  });
});

describe('a client for which what waits is too much ends as a slow one, whatever comes next', () => {
  /** A reliable client whose buffer has room for one message, and two that wait. */
  function overdue(): FakeClient {
    const client = node.open({ id: 'r', groups: ['g'], roles: ['webpubsub.joinLeaveGroup'], protocol: jsonReliable });
    for (let index = 0; index < 999; index += 1) node.chat.sendToGroup('g', textPayload('x'));
    turn.end();
    for (const text of ['1000', '1001']) node.chat.sendToGroup('g', textPayload(text));
    expect(client.connection.isAlive).toBe(true);
    return client;
  }

  async function expectGone({ connection, session }: FakeClient): Promise<void> {
    expect(connection.isAlive).toBe(false);
    expect(node.observer.of('closed')).toMatchObject([{ category: 'SlowClient' }]);
    expect(session.history.filter(name => name === 'disconnected')).toHaveLength(1);
    expect(session.presence.filter(told => told === 'left g')).toHaveLength(1);
    for (const group of ['g', 'h']) expect(await node.chat.groupExists(group)).toBe(false);
    expect(node.chat.size).toBe(0);
    node.clock.advance(60_000);
    expect(node.observer.of('closed')).toHaveLength(1);
  }

  test.each(['joinGroup', 'leaveGroup'] as const)('%s', async type => {
    const client = overdue();
    client.say({ type, group: type === 'joinGroup' ? 'h' : 'g', ackId: 1 });
    await expectGone(client);
  });

  test('REST adds it to a group', async () => {
    const client = overdue();
    await node.chat.addConnectionToGroup('r', 'h');
    await expectGone(client);
  });

  test('[CP-089] its socket is lost', async () => {
    const client = overdue();
    node.chat.lifecycle.lose(client.connection, client.outlet, { category: 'Normal', reason: '' }, false);
    await expectGone(client);
  });

  test('[CP-089] it comes back on a new socket, which is closed with 1008', async () => {
    const client = overdue();
    const next = new RecordingOutlet();
    node.chat.lifecycle.resume(client.connection, next);
    await expectGone(client);
    expect([next.closed?.code, next.frames]).toEqual([1008, []]);
  });
});

/** What may happen in a turn; a number chooses among three clients. */
const actor = fc.nat(2);
const group = fc.constantFrom('g', 'h');
const ackId = fc.option(fc.nat(1_000), { nil: undefined });
const happening = fc.oneof(
  fc.record({ what: fc.constant('publish' as const), actor, group, noEcho: fc.boolean(), ackId, ttl: fc.nat(1) }),
  fc.record({ what: fc.constant('sendToGroup' as const), actor, group, isActorExcluded: fc.boolean() }),
  fc.record({ what: fc.constant('sendToAll' as const), isFiltered: fc.boolean() }),
  fc.record({ what: fc.constantFrom('sendToUser' as const, 'sendToConnection' as const), actor }),
  fc.record({ what: fc.constantFrom('joinGroup' as const, 'leaveGroup' as const), actor, group, ackId }),
  fc.record({ what: fc.constantFrom('addUserToGroup' as const, 'removeFromAll' as const), actor, group }),
  fc.record({ what: fc.constantFrom('ping' as const, 'close' as const, 'lose' as const, 'resume' as const), actor }),
  fc.record({ what: fc.constant('state' as const), actor, group, ackId }),
  fc.record({ what: fc.constant('end of turn' as const) }),
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

const roles = ['sendToGroup', 'joinLeaveGroup', 'getGroupState', 'setGroupState'].map(right => `webpubsub.${right}`);

/** Three clients on a node of their own, one of a plain protocol. */
class Room {
  readonly turn = new HandTurn();
  readonly node: TestNode;
  readonly clients: FakeClient[];
  /** By client, the sockets it has had. */
  readonly outlets: RecordingOutlet[][];
  #texts = 0;

  constructor(isHeldBack: boolean) {
    this.node = new TestNode(new MemoryBus().connect(), isHeldBack ? this.turn : undefined);
    this.clients = [json, jsonReliable, jsonReliable].map((protocol, index) =>
      this.node.open({ id: `c${index}`, userId: `u${index % 2}`, roles, groups: ['g'], protocol }),
    );
    this.outlets = this.clients.map(({ outlet }) => [outlet]);
  }

  async happen(step: Happening): Promise<void> {
    this.#texts += 1;
    const text = `text ${this.#texts}`;
    const index = 'actor' in step ? step.actor : 0;
    const client = this.clients[index]!;
    const { chat } = this.node;
    switch (step.what) {
      case 'publish': {
        const { group, noEcho, ackId, ttl } = step;
        client.say({ type: 'sendToGroup', group, noEcho, ackId, ttlSeconds: ttl, dataType: 'text', data: text });
        break;
      }
      case 'sendToGroup':
        chat.sendToGroup(step.group, textPayload(text), { excluded: step.isActorExcluded ? [client.id] : [] });
        break;
      case 'sendToAll':
        chat.sendToAll(textPayload(text), { filter: step.isFiltered ? "'h' in groups" : undefined });
        break;
      case 'sendToUser':
        chat.sendToUser(`u${step.actor}`, textPayload(text));
        break;
      case 'sendToConnection':
        chat.sendToConnection(client.id, textPayload(text));
        break;
      case 'joinGroup':
      case 'leaveGroup':
        client.say({ type: step.what, group: step.group, ackId: step.ackId });
        break;
      case 'addUserToGroup':
        await chat.addUserToGroup(`u${step.actor}`, step.group);
        break;
      case 'removeFromAll':
        await chat.removeConnectionFromAllGroups(client.id);
        break;
      case 'state':
        client.say({ type: 'subscribeGroupState', group: step.group, ackId: step.ackId });
        client.say({ type: 'setGroupState', group: step.group, state: { text } });
        break;
      case 'ping':
        client.say({ type: 'ping' });
        break;
      case 'close':
        await chat.closeConnection(client.id, text);
        break;
      case 'lose':
        chat.lifecycle.lose(
          client.connection,
          this.outlets[index]!.at(-1)!,
          { category: 'Normal', reason: text },
          false,
        );
        break;
      case 'resume':
        if (client.connection.isAlive && client.connection.isReliable) {
          this.outlets[index]!.push(new RecordingOutlet());
          chat.lifecycle.resume(client.connection, this.outlets[index]!.at(-1)!);
        }
        break;
      case 'end of turn':
        this.turn.end();
        break;
    }
    await settled();
  }

  /** By client and socket. */
  heard(): string[][][] {
    this.turn.end();
    return this.outlets.map(outlets => outlets.map(outlet => outlet.take()));
  }

  /** Copies sent, by protocol. */
  sent(): Record<string, number> {
    const total: Record<string, number> = {};
    for (const { protocol, receivers } of this.node.observer.of('sent')) {
      total[protocol as string] = (total[protocol as string] ?? 0) + (receivers as number);
    }
    return total;
  }
}

test('[design 4] nobody can tell that messages wait for the turn’s end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 30 }), async steps => {
      const [atOnce, heldBack] = [new Room(false), new Room(true)];
      for (const step of steps) {
        await atOnce.happen(step);
        await heldBack.happen(step);
      }
      expect(heldBack.heard()).toEqual(atOnce.heard());
      expect(heldBack.sent()).toEqual(atOnce.sent());
    }),
    { numRuns: 300 },
  );
});

describe('[F10] how many a send reached', () => {
  test('is told once it is delivered: those of all protocols, without the excluded, and none where nobody is', () => {
    node.open({ groups: ['g'] });
    const { connection } = node.open({ groups: ['g'] });
    node.open({ groups: ['g'], protocol: jsonReliable });
    const told: [text: string, receivers: number][] = [];
    const note = (text: string) => (receivers: number) => void told.push([text, receivers]);
    node.chat.sendToGroup('g', textPayload('1'), { onDelivered: note('group') });
    node.chat.sendToGroup('g', textPayload('2'), { onDelivered: note('group again') });
    expect(told).toEqual([]);
    node.chat.sendToGroup('g', textPayload('3'), { excluded: [connection.id], onDelivered: note('but one') });
    node.chat.sendToUser('nobody', textPayload('4'), { onDelivered: note('nobody') });
    turn.end();
    expect(told).toEqual([
      ['group', 3],
      ['group again', 3],
      ['but one', 2],
      ['nobody', 0],
    ]);
    const facts = node.observer.facts.filter(({ what }) => what === 'delivered');
    expect(facts).toEqual([
      { what: 'delivered', hub: 'chat', sends: 2, receivers: 3 },
      { what: 'delivered', hub: 'chat', sends: 1, receivers: 2 },
      { what: 'delivered', hub: 'chat', sends: 1, receivers: 0 },
    ]);
  });
});
