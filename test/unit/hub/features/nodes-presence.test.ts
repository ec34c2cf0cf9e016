import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSigned } from '../../../../src/auth/pusher-signatures.js';
import type { Answers, Command, Query, QueryKind, Target } from '../../../../src/hub/commands.js';
import type { Backplane, BackplaneNode, Gathered } from '../../../../src/hub/ports.js';
import { PusherDialogue } from '../../../../src/protocols/pusher/dialogue.js';
import { pusherProtocols } from '../../../../src/protocols/pusher/index.js';
import { RecordingOutlet, settled, TestNode, textFrame } from '../../../support/fake-ports.js';
import { auth } from '../../../support/pusher.js';

const { current: protocol } = pusherProtocols({ activityTimeoutMs: 120_000, pongTimeoutMs: 30_000 });
const channel = 'presence-x';

/** Nodes whose messages to each other take their time: in order from one to another, in any order otherwise. */
class SlowNetwork {
  readonly ends: SlowEnd[] = [];
  /** By sender and receiver. */
  readonly #ways = new Map<string, (() => void)[]>();

  connect(): SlowEnd {
    const end = new SlowEnd(`n${this.ends.length}`, this);
    this.ends.push(end);
    return end;
  }

  send(from: SlowEnd, to: SlowEnd, arrive: () => void): void {
    const way = `${from.tag} ${to.tag}`;
    this.#ways.set(way, [...(this.#ways.get(way) ?? []), arrive]);
  }

  /** Lets the oldest message of one of the ways arrive. @returns false when there is none */
  async step(choice: number): Promise<boolean> {
    const busy = [...this.#ways.values()].filter(({ length }) => length > 0);
    if (busy.length === 0) return false;
    busy[choice % busy.length]!.shift()!();
    await settled();
    return true;
  }
}

class SlowEnd implements Backplane {
  readonly listensAtOnce = true;
  node: BackplaneNode | undefined;

  constructor(
    readonly tag: string,
    readonly network: SlowNetwork,
  ) {}

  attach(node: BackplaneNode): void {
    this.node = node;
  }

  publish(target: Target, command: Command): 'accepted' {
    for (const other of this.#others) {
      this.network.send(this, other, () => other.node?.performerOf(target.hub)?.perform(target, command));
    }
    return 'accepted';
  }

  async gather<K extends QueryKind>(target: Target, query: Query<K>): Promise<Gathered<Answers[K]>> {
    const asked = this.#others.map(
      other =>
        new Promise<Answers[K] | undefined>(resolve => {
          this.network.send(this, other, () => {
            const answer = other.node?.performerOf(target.hub)?.answer(target, query);
            this.network.send(other, this, () => resolve(answer));
          });
        }),
    );
    const answers = (await Promise.all(asked)).filter(answer => answer !== undefined);
    return { answers: answers as Answers[K][], missing: [] };
  }

  listen(): undefined {
    return undefined;
  }

  unlisten(): void {}

  async close(): Promise<void> {}

  get #others(): SlowEnd[] {
    return this.network.ends.filter(end => end !== this);
  }
}

const app = {
  isSigned: (given: string, text: string) =>
    isSigned([{ key: 'hubkey01', secret: 'hubsecret01', active: true }], given, text),
  takesClientEvents: true,
  countsSubscriptions: false,
  mostMembers: 100,
  clientEventsPerSecond: 10,
  mostEventBytes: 10_240,
};
let sockets = 0;

/** A client with what it believes, as its library would from what it is told. */
class Client {
  /** Undefined: it is not in the channel. */
  members: Set<string> | undefined;
  readonly faults: string[] = [];
  isClosed = false;
  readonly #id: string;
  readonly #node: TestNode;
  readonly #outlet = new RecordingOutlet();
  readonly #connection: ReturnType<TestNode['open']>['connection'];

  constructor(
    node: TestNode,
    readonly userId: string,
  ) {
    sockets += 1;
    this.#id = `${sockets}.1`;
    this.#node = node;
    const admission = {
      connectionId: this.#id,
      userId: undefined,
      roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
      groups: [],
      subprotocol: undefined,
      protocol,
      dialogue: new PusherDialogue(app, this.#id),
      upstream: node.upstream.open('chat', this.#id),
    };
    this.#connection = node.chat.lifecycle.open(admission, this.#outlet);
  }

  join(): void {
    const data = JSON.stringify({ user_id: this.userId });
    const signed = { channel, auth: auth(`${this.#id}:${channel}:${data}`), channel_data: data };
    this.#connection.receive(textFrame({ event: 'pusher:subscribe', data: signed }));
  }

  leave(): void {
    this.hear();
    this.#connection.receive(textFrame({ event: 'pusher:unsubscribe', data: { channel } }));
    this.members = undefined;
  }

  close(): void {
    this.isClosed = true;
    this.members = undefined;
    this.#node.chat.lifecycle.lose(this.#connection, this.#outlet, { category: 'Normal', reason: '' }, true);
  }

  hear(): void {
    for (const text of this.#outlet.take()) {
      const { event, data } = JSON.parse(text);
      const about = typeof data === 'string' ? JSON.parse(data) : {};
      if (event === 'pusher_internal:subscription_succeeded') this.members = new Set(about.presence.ids);
      else if (event === 'pusher_internal:member_added') this.#note(about.user_id, true);
      else if (event === 'pusher_internal:member_removed') this.#note(about.user_id, false);
    }
  }

  #note(userId: string, isPresent: boolean): void {
    if (this.members === undefined) return;
    if (this.members.has(userId) === isPresent) this.faults.push(`${isPresent ? '+' : '-'}${userId} again`);
    if (isPresent) this.members.add(userId);
    else this.members.delete(userId);
  }
}

const act = fc.record({
  kind: fc.constantFrom('join', 'join', 'leave', 'close', 'step', 'step', 'step', 'step'),
  who: fc.nat(8),
  choice: fc.nat(20),
});

/** A member leaves while the list for another one is made: it is on the list, and then told to have left. */
const leftMeanwhile = [
  ['join', 6],
  ['step', 0],
  ['join', 0],
  ['step', 0],
  ['step', 0],
  ['step', 0],
  ['leave', 6],
].map(([kind, who]) => ({ kind: kind as 'join' | 'leave' | 'step', who: Number(who), choice: 0 }));

describe('[PW-022] members of a channel on several nodes', () => {
  test('whatever happens at the same time, each client is told of each once, and knows in the end who is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 80 }), async acts => {
        const network = new SlowNetwork();
        const nodes = Array.from({ length: 3 }, () => new TestNode(network.connect()));
        const clients = Array.from({ length: 9 }, (_, n) => new Client(nodes[n % 3]!, `u${n % 4}`));
        const wanted = new Set<Client>();
        for (const { kind, who, choice } of acts) {
          const client = clients[who]!;
          if (kind === 'step') await network.step(choice);
          else if (client.isClosed) continue;
          else if (kind === 'join' && !wanted.has(client)) {
            wanted.add(client);
            client.join();
          } else if (kind !== 'join' && client.members !== undefined) {
            wanted.delete(client);
            client[kind as 'leave' | 'close']();
          }
          await settled();
          for (const each of clients) each.hear();
        }
        while (await network.step(0)) for (const each of clients) each.hear();
        const present = [...new Set([...wanted].map(({ userId }) => userId))].toSorted();
        for (const client of clients) {
          expect(client.faults).toEqual([]);
          if (wanted.has(client)) expect([...client.members!].toSorted()).toEqual(present);
        }
      }),
      { numRuns: 300, examples: [[leftMeanwhile]] },
    );
  });
});
