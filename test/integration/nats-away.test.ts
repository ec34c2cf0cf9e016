import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { lines, metricOf, readinessOf, restOf } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { reliableProtocol } from '../support/reliable-client.js';
import type { TestClient } from '../support/test-client.js';

beforeEach(requireNats);

const roles = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];

/** A reliable client that is a member of the group `g`. It keeps what it gets, and acknowledges it as the vendor's does: once a second. */
class Member {
  /** Numbers of the messages, by publisher, as they came. */
  readonly texts = new Map<string, number[]>();
  readonly client: TestClient;
  #sequenceId = 0;

  private constructor(
    readonly name: string,
    client: TestClient,
  ) {
    this.client = client;
    client.ws.on('message', bytes => this.#take(JSON.parse(bytes.toString())));
    const timer = setInterval(() => client.send({ type: 'sequenceAck', sequenceId: this.#sequenceId }), 1_000);
    onTestFinished(() => clearInterval(timer));
  }

  static async dial(name: string, node: RunningService): Promise<Member> {
    const client = await node.dial({ protocols: [reliableProtocol], token: { roles, groups: ['g'] } });
    await client.next();
    return new Member(name, client);
  }

  #take({ type, data, sequenceId }: { type: string; data?: string; sequenceId?: number }): void {
    if (type !== 'message') return;
    const [publisher = '', number] = (data ?? '').split(' ');
    const numbers = this.texts.get(publisher) ?? [];
    this.texts.set(publisher, numbers);
    numbers.push(Number(number));
    this.#sequenceId = sequenceId ?? 0;
  }
}

function dialMembers(node: RunningService, at: number): Promise<readonly Member[]> {
  return Promise.all([1, 2, 3, 4].map(number => Member.dial(`client-${at}-${number}`, node)));
}

const everyMs = 20;

/** Numbered messages to the group; each has to be accepted. */
class Publisher {
  sent = 0;
  readonly #accepted: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;

  /** @param send is called with `name 1`, `name 2`, … */
  constructor(name: string, send: (text: string, number: number) => Promise<void>) {
    this.#timer = setInterval(() => {
      this.sent += 1;
      this.#accepted.push(send(`${name} ${this.sent}`, this.sent));
    }, everyMs);
    onTestFinished(() => clearInterval(this.#timer));
  }

  async end(): Promise<readonly number[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#accepted);
    return Array.from({ length: this.sent }, (_, index) => index + 1);
  }
}

/** One that sends by this client. */
function byClient({ name, client }: Member): Publisher {
  const request = { type: 'sendToGroup', group: 'g', noEcho: true, dataType: 'text' };
  return new Publisher(name, async (data, ackId) => {
    expect(await client.ask({ ...request, data, ackId })).toMatchObject({ success: true });
  });
}

/** One that sends by REST through this node, one call after another. */
function byRest(name: string, node: RunningService): Publisher {
  const group = restOf(node).group('g');
  let last: Promise<unknown> = Promise.resolve();
  return new Publisher(name, text => {
    last = last.then(() => group.sendToAll(text, { contentType: 'text/plain' }));
    return last.then(() => undefined);
  });
}

/** All but the publisher itself have all its messages, each once and in order. */
async function hearAll(members: readonly Member[], publisher: string, all: readonly number[]): Promise<void> {
  for (const { name, texts } of members) {
    if (name === publisher) continue;
    await eventually(() => expect(texts.get(publisher)?.length).toBeGreaterThanOrEqual(all.length));
    expect(texts.get(publisher)).toEqual(all);
  }
}

describe('NATS is away for 10 s, under load', () => {
  test('[CL-024] [CL-056] no connection is dropped; reliable clients of all nodes get everything once, in order', async context => {
    const server = await startNats(context);
    const nodes = await Promise.all(
      [1, 2, 3].map(() => startService('hubs: { chat: {} }', { HUBWIRE_NATS: server.url })),
    );
    const groups = await Promise.all(nodes.map((node, at) => dialMembers(node, at)));
    const members = groups.flat();
    const publishers = new Map<string, Publisher>();
    for (const [at, node] of nodes.entries()) {
      const [first] = groups[at] as [Member];
      publishers.set(first.name, byClient(first)).set(`rest-${at}`, byRest(`rest-${at}`, node));
    }
    const statuses = new Set<number>();
    await setTimeout(500);
    await server.kill();
    for (const untilMs = performance.now() + 10_000; performance.now() < untilMs; await setTimeout(250)) {
      for (const status of await Promise.all(nodes.map(readinessOf))) statuses.add(status);
    }
    await server.start();
    for (const node of nodes)
      await eventually(async () => expect(await metricOf(node, 'hubwire_bus_connected')).toBe(1));
    await setTimeout(500);
    for (const [name, publisher] of publishers) await hearAll(members, name, await publisher.end());
    expect(new Set(members.map(({ client }) => client.ws.readyState))).toEqual(new Set([WebSocket.OPEN]));
    expect([...statuses]).toEqual([200]); // while NATS was away
    for (const { process } of nodes) expect(process.stderr).not.toContain(lines.claims);
  }, 180_000);
});
