import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { dialAll, lines, loggedAtMs, readinessOf, startAudited } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { startProxy } from '../support/tcp-proxy.js';
import type { TestClient } from '../support/test-client.js';

beforeEach(requireNats);

/** After the pause a peer could claim: a fifth of a lease of 20 s is left of it, its next scan is as much later, then its turn comes. */
const claimableMs = 8_500;

/** Two nodes; what one of them and NATS say to each other passes a proxy. Clients and the app server are reached all the time. */
async function setup(context: TestContext, clusterYaml?: string) {
  const [server, audited] = await Promise.all([startNats(context), startAudited(clusterYaml)]);
  const way = await startProxy(server.port);
  const start = (port: number) => startService(audited.yaml, { HUBWIRE_NATS: `nats://127.0.0.1:${port}` });
  const [cut, peer] = await Promise.all([start(way.port), start(server.port)]);
  return { ...audited, way, cut, peer };
}

const roles = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];

/** A client of the group `g` that has got its `connected`. */
async function dialMember(node: RunningService): Promise<TestClient> {
  const client = await node.dial({ token: { roles, groups: ['g'] } });
  await client.next();
  return client;
}

/** Of one client, every 50 ms: a message to the group, and an event for the app server. */
class Traffic {
  readonly texts: string[] = [];
  readonly #acks: Promise<{ readonly success: boolean }>[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(client: TestClient) {
    const request = { dataType: 'text', group: 'g', noEcho: true } as const;
    let ackId = 0;
    const ask = (message: object) => this.#acks.push(client.ask({ ...request, ...message, ackId: ++ackId }));
    this.#timer = setInterval(() => {
      const data = String(this.texts.push(String(this.texts.length)) - 1);
      ask({ type: 'sendToGroup', data });
      ask({ type: 'event', event: 'e', data });
    }, 50);
    onTestFinished(() => clearInterval(this.#timer));
  }

  /** How each request ended, once all have. */
  async end(): Promise<readonly boolean[]> {
    clearInterval(this.#timer);
    return (await Promise.all(this.#acks)).map(({ success }) => success);
  }
}

async function nextTexts(client: TestClient, count: number): Promise<readonly string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push((await client.next()).data);
  return texts;
}

describe('a node that is cut off from NATS, while clients and the app server are not', () => {
  test('[CL-055] is paused before it can be claimed; healed in time it goes on, and nothing of its clients is lost', async context => {
    const { app, audit, way, cut, peer } = await setup(context);
    const [sender, beside, there] = await Promise.all([dialMember(cut), dialMember(cut), dialMember(peer)]);
    await app.until(() => audit.opened === 3);
    const traffic = new Traffic(sender);
    await setTimeout(500);
    way.stopReading();
    const pausedMs = await loggedAtMs(cut, lines.paused);
    expect(await readinessOf(cut)).toBe(503);
    way.resume();
    await eventually(async () => expect(await readinessOf(cut)).toBe(200));
    await setTimeout(pausedMs + claimableMs - Date.now());
    const outcomes = await traffic.end();
    expect(outcomes.every(isSuccess => isSuccess)).toBe(true);
    for (const member of [beside, there]) expect(await nextTexts(member, traffic.texts.length)).toEqual(traffic.texts);
    const events = app.posts.filter(({ headers }) => headers['ce-eventname'] === 'e');
    expect(events.map(({ body }) => body.toString())).toEqual(traffic.texts);
    expect([audit.opened, audit.ended]).toEqual([3, 0]);
    expect(peer.process.stderr).not.toContain(lines.claims);
    expect(cut.process.stderr).not.toContain(lines.fenced);
  }, 90_000);

  test('[CL-055] healed too late it is fenced: its clients are dropped, and it posts nothing for them', async context => {
    const { app, audit, way, cut, peer } = await setup(context, 'cluster: { leaseSeconds: 3 }');
    const clients = await dialAll(cut, 20);
    await app.until(() => audit.opened === 20);
    way.stopReading();
    const pausedMs = await loggedAtMs(cut, lines.paused);
    for (const client of clients) client.send({ type: 'event', event: 'late', dataType: 'text', data: '' });
    expect(await loggedAtMs(peer, lines.claims)).toBeGreaterThan(pausedMs);
    await app.until(() => audit.ended === 20);
    const posts = app.posts.length;
    for (const client of clients) await client.settle(); // they are kept, and served, as long as it does not know
    way.resume();
    await Promise.all(clients.map(({ closed }) => closed));
    await loggedAtMs(cut, lines.fenced);
    await eventually(async () => expect(await readinessOf(cut)).toBe(200));
    expect(app.posts).toHaveLength(posts);
    expect(audit.odd).toEqual([]);
    await dialAll(cut, 1);
    await app.until(() => audit.opened === 21);
  }, 60_000);
});
