import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Ending, endOfSuite } from '../support/ending.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { NatsServer, natsProgram, requireNats } from '../support/nats-server.js';
import type { TestClient } from '../support/test-client.js';

beforeEach(requireNats);

const yaml = 'hubs: { chat: {} }';
const signedYaml = `${yaml}\ncluster: { sign: true }`;

interface Nodes {
  readonly here: RunningService;
  readonly there: RunningService;
  /** What an app server calls at `there`. */
  readonly rest: WebPubSubServiceClient;
}

/** Two processes on one server. */
async function startNodes(file = yaml, ending: Ending = onTestFinished): Promise<Nodes> {
  const server = await NatsServer.start();
  ending(() => server.stop());
  const start = () => startService(file, { HUBWIRE_NATS: server.url }, [], undefined, ending);
  const [here, there] = await Promise.all([start(), start()]);
  return { here, there, rest: restOf(there) };
}

/** The same for all tests of a `describe`, each of which has groups and users of its own. */
function sharedNodes(): () => Nodes {
  const ending = endOfSuite();
  let nodes: Nodes;
  beforeAll(async () => {
    if (natsProgram !== undefined) nodes = await startNodes(yaml, ending);
  });
  return () => nodes;
}

function restOf({ connectionString }: RunningService): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
}

const asText = { contentType: 'text/plain' } as const;

async function idOf(client: TestClient): Promise<string> {
  const { connectionId } = await client.next();
  return connectionId;
}

async function metric({ adminUrl }: RunningService, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', adminUrl))).text();
  return Number(
    text
      .split('\n')
      .find(line => line.startsWith(`${name} `))
      ?.slice(name.length),
  );
}

/** Clients of one node, an app server at the other. */
async function reachAll({ here, rest }: Nodes): Promise<void> {
  const ann = await here.dial({ token: { userId: 'ann', groups: ['g'] } });
  const bob = await here.dial({ token: { userId: 'bob' } });
  const annsId = await idOf(ann);
  expect(annsId).toMatch(/^[\w-]{31}$/);
  await bob.next();
  await rest.group('g').sendToAll('to g', asText);
  await rest.sendToUser('ann', 'to ann', asText);
  await rest.sendToConnection(annsId, 'to the connection', asText);
  await rest.sendToAll('to all', asText);
  expect([await ann.next(), await ann.next(), await ann.next(), await ann.next()].map(({ data }) => data)).toEqual([
    'to g',
    'to ann',
    'to the connection',
    'to all',
  ]);
  expect(await bob.next()).toMatchObject({ from: 'server', data: 'to all' });
}

test('[CL-121] two nodes that sign: messages to all, to a group, a user and a connection arrive, in order', async () => {
  await reachAll(await startNodes(signedYaml));
}, 60_000);

describe('[CL-007] two nodes', () => {
  const shared = sharedNodes();

  test('messages to all, to a group, a user and a connection arrive, in order', () => reachAll(shared()));

  test('clients of both are in one group, and what one publishes reaches the other', async () => {
    const { here, there } = shared();
    const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
    const clients = await Promise.all([here, there].map(({ dial }) => dial({ token: { roles } })));
    for (const client of clients) {
      await client.next();
      expect(await client.ask({ type: 'joinGroup', group: 'both', ackId: 1 })).toMatchObject({ success: true });
    }
    const [a, b] = clients as [TestClient, TestClient];
    const send = { type: 'sendToGroup', group: 'both', dataType: 'text', noEcho: true, ackId: 2 };
    expect(await a.ask({ ...send, data: 'from a' })).toMatchObject({ success: true });
    expect(await b.next()).toMatchObject({ group: 'both', data: 'from a' });
    expect(await b.ask({ ...send, data: 'from b' })).toMatchObject({ success: true });
    expect(await a.next()).toMatchObject({ group: 'both', data: 'from b' });
  });

  test('[CL-032] the groups and the user of a token are reached from the moment at which the upgrade is answered', async () => {
    const { here, rest } = shared();
    for (let round = 0; round < 50; round += 1) {
      const client = await here.dial({ token: { userId: `u${round}`, groups: [`g${round}`] } });
      await rest.group(`g${round}`).sendToAll('to the group', asText);
      await rest.sendToUser(`u${round}`, 'to the user', asText);
      expect(await client.next()).toMatchObject({ event: 'connected' });
      expect(await client.next()).toMatchObject({ data: 'to the group' });
      expect(await client.next()).toMatchObject({ data: 'to the user' });
    }
  });

  test('[CL-041] REST finds what the other node has, and answers 404 for what nobody has', async () => {
    const { here, rest } = shared();
    const client = await here.dial({ token: { userId: 'carl', groups: ['of-carl'] } });
    const connectionId = await idOf(client);
    expect([
      await rest.connectionExists(connectionId),
      await rest.userExists('carl'),
      await rest.groupExists('of-carl'),
      await rest.connectionExists('a'.repeat(31)),
      await rest.userExists('nobody'),
      await rest.groupExists('of-nobody'),
    ]).toEqual([true, true, true, false, false, false]);
  });

  test('[CL-044] who is added to a group by REST is in it for sends through any node', async () => {
    const { here, there, rest } = shared();
    const clients = await Promise.all([here, there].map(({ dial }) => dial({ token: { userId: 'dora' } })));
    for (const client of clients) await client.next();
    for (let round = 0; round < 30; round += 1) {
      await rest.group(`d${round}`).addUser('dora');
      for (const node of [here, there]) await restOf(node).group(`d${round}`).sendToAll('x', asText);
      for (const client of clients) {
        expect(await client.next()).toMatchObject({ group: `d${round}` });
        expect(await client.next()).toMatchObject({ group: `d${round}` });
      }
    }
  });

  test('[CL-042] connections are listed page by page over the nodes, in the order of their ids, checked, and closed from the other node', async () => {
    const { here, there, rest } = shared();
    const clients = await Promise.all(
      [here, there, here].map(({ dial }) => dial({ token: { userId: 'paul', groups: ['pages'] } })),
    );
    const ids = await Promise.all(clients.map(idOf));
    const listed: string[] = [];
    const pages = (await rest.group('pages').listConnections({ maxPageSize: 1 })) as AsyncIterable<{
      connectionId: string;
    }>;
    for await (const { connectionId } of pages) listed.push(connectionId);
    expect(listed).toEqual([...ids].sort());
    const [first] = ids as [string];
    await rest.grantPermission(first, 'sendToGroup', { targetName: 'pages' });
    expect(await rest.hasPermission(first, 'sendToGroup', { targetName: 'pages' })).toBe(true);
    await rest.closeConnection(first, { reason: 'enough' });
    expect((await clients[0]?.closed)?.code).toBe(1000);
    await rest.closeUserConnections('paul');
    await Promise.all(clients.map(({ closed }) => closed));
    expect(await rest.userExists('paul')).toBe(false);
  });

  test('[CL-046] a snapshot of states gathers from all nodes; those of one that does not answer are left out, and its next updates arrive', async () => {
    const { here, there } = await startNodes();
    const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState'];
    const enter = async ({ dial }: RunningService, userId: string) => {
      const client = await dial({ token: { userId, roles, groups: ['g'] } });
      await client.next();
      return client;
    };
    const set = (client: TestClient, state: string, ackId: number) =>
      client.ask({ type: 'setGroupState', group: 'g', state: { state }, ackId });
    const [ann, bob] = [await enter(here, 'ann'), await enter(there, 'bob')];
    await set(ann, 'a', 1);
    await set(bob, 'b', 1);
    const subscribe = async (userId: string) => {
      const client = await enter(here, userId);
      await client.ask({ type: 'subscribeGroupState', group: 'g', ackId: 1 });
      const { items } = (await client.next()) as { items: { userId: string }[] };
      return { client, users: items.map(item => item.userId).sort() };
    };
    expect((await subscribe('first')).users).toEqual(['ann', 'bob']);
    there.process.signal('SIGSTOP');
    const { client, users } = await subscribe('second');
    expect(users).toEqual(['ann']);
    there.process.signal('SIGCONT');
    await set(bob, 'c', 2);
    expect(await client.next()).toMatchObject({
      type: 'groupStateUpdate',
      items: [{ userId: 'bob', state: { state: 'c' } }],
    });
  }, 60_000);

  test('[CL-123] what happens on the bus is counted', async () => {
    const { here, there, rest } = await startNodes();
    await eventually(async () => expect(await metric(here, 'hubwire_cluster_nodes{state="present"}')).toBe(1));
    const before = await metric(here, 'hubwire_bus_envelopes_total{way="received"}');
    const client = await here.dial({ token: { groups: ['g'] } });
    await client.next();
    await rest.group('g').sendToAll('x', asText);
    await client.next();
    expect(await metric(here, 'hubwire_bus_envelopes_total{way="received"}')).toBeGreaterThan(before);
    expect(await metric(there, 'hubwire_bus_envelopes_total{way="sent"}')).toBeGreaterThan(0);
    expect(await metric(here, 'hubwire_barrier_seconds_count')).toBeGreaterThan(0);
    expect(await metric(here, 'hubwire_bus_ring_bytes')).toBeGreaterThanOrEqual(0);
    there.process.signal('SIGKILL');
    await there.process.exit;
    expect(
      await restOf(here)
        .userExists('bob')
        .catch(({ statusCode }) => statusCode),
    ).toBe(503);
    expect(await metric(here, 'hubwire_query_partial_total')).toBeGreaterThan(0); // the SDK tries again
    expect(await metric(here, 'hubwire_cluster_nodes{state="absent"}')).toBe(1);
  }, 60_000);
});
