import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { beforeEach, describe, expect, type TestContext, test } from 'vitest';
import type { Target } from '../../src/hub/commands.js';
import { FakeNode } from '../support/backplane-contract.js';
import { metricOf, readinessOf, restOf } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { fileWith, HubwireProcess, type RunningService, startService } from '../support/hubwire-process.js';
import { freePort } from '../support/machine.js';
import { startEnds } from '../support/nats-nodes.js';
import { type NatsServer, requireNats, startNats } from '../support/nats-server.js';

beforeEach(requireNats);

const yaml = 'hubs: { chat: {} }';

/** One user, who may publish all, and subscribe to these subjects. */
function listening(...subjects: readonly string[]): string {
  const allow = JSON.stringify(['_INBOX.hw.>', ...subjects]);
  return `authorization { users: [ { user: hw, password: a, permissions: { publish: ">", subscribe: { allow: ${allow} } } } ] }`;
}

const login = ({ url }: NatsServer) => url.replace('//', '//hw:a@');

/** A client that does not call again what was answered with 503. */
const once = ({ connectionString }: RunningService) =>
  new WebPubSubServiceClient(connectionString, 'chat', {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });

/** A service that may not let clients in yet: only its admin listener is known. */
async function startUnready(server: NatsServer) {
  const [port, adminPort] = [String(await freePort()), String(await freePort())];
  const args = ['start', '--json', '--hubs', await fileWith(yaml), '--port', port, '--admin-port', adminPort];
  return { hubwire: new HubwireProcess([...args, '--nats', login(server)]), adminPort };
}

async function startPair(server: NatsServer): Promise<readonly [RunningService, RunningService]> {
  const start = () => startService(yaml, { HUBWIRE_NATS: login(server) });
  return [await start(), await start()];
}

const sentence =
  /NATS: this user may not subscribe to hw\.1\.[^"]*, so that this node receives nothing from the others: it lets no client in until that is permitted; let it subscribe to hw\.1\.>, as deploy\/nats\/permissions\.conf does/;

describe('[CL-034] a node that may not subscribe', { timeout: 60_000 }, () => {
  test('is not ready when it starts, says what to permit, and takes part once that is permitted', async context => {
    const server = await startNats(context, { settings: listening() });
    const { hubwire, adminPort } = await startUnready(server);
    await hubwire.find(sentence, 'stderr');
    expect(hubwire.stderr).toMatch(/may not subscribe to hw\.1\.c\.\S+, hw\.1\.all, hw\.1\.n\./);
    const readyz = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect([readyz.status, await readyz.text()]).toEqual([503, expect.stringContaining('may not subscribe')]);
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    expect(metrics).toMatch(/^hubwire_bus_connected 0$/m);
    expect(metrics).toMatch(/^hubwire_faults_total 0$/m);
    expect(hubwire.stdout).toBe('');
    await server.reload(listening('hw.1.>'));
    await hubwire.find(/"event":"listening"/);
    expect((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status).toBe(200);
    await hubwire.find(/NATS: this node may do what was refused, and takes part/, 'stderr');
    expect(hubwire.stderr).not.toContain('internal error');
    expect(hubwire.stderr.match(new RegExp(sentence, 'g'))).toHaveLength(1);
  });

  test('[CL-041] is not ready while a permission is taken away: it answers 503 for what others may have', async context => {
    const server = await startNats(context, { settings: listening('hw.1.>') });
    const [one, two] = await startPair(server);
    const client = await one.dial({ token: { groups: ['news'] } });
    const { connectionId } = (await client.next()) as { connectionId: string };
    expect(await restOf(two).connectionExists(connectionId)).toBe(true);
    await server.reload(listening());
    await Promise.all([one, two].map(({ process }) => process.find(sentence, 'stderr')));
    await eventually(async () => expect([await readinessOf(one), await readinessOf(two)]).toEqual([503, 503]));
    await expect(once(two).connectionExists(connectionId)).rejects.toMatchObject({ statusCode: 503 });
    expect(await metricOf(two, 'hubwire_bus_connected')).toBe(0);
    await expect(two.dial()).rejects.toThrow();
    await server.reload(listening('hw.1.>'));
    await eventually(async () => expect([await readinessOf(one), await readinessOf(two)]).toEqual([200, 200]));
    await restOf(two).group('news').sendToAll('heard', { contentType: 'text/plain' });
    expect(await client.next()).toMatchObject({ data: 'heard' });
    expect([one, two].map(({ process }) => process.stderr.includes('internal error'))).toEqual([false, false]);
  });

  const group: Target = { scope: 'group', hub: 'chat', group: 'g' };

  async function startTwo(context: TestContext, ...subjects: readonly string[]) {
    const server = await startNats(context, { settings: listening(...subjects), jetStream: false });
    const ends = await startEnds([login(server)], 2);
    context.onTestFinished(() => Promise.all(ends.map(({ backplane }) => backplane.close())).then(() => {}));
    return { server, ends, nodes: ends.map(({ backplane }) => new FakeNode(backplane)) };
  }

  test('[CL-030] to a single group is not told that it has joined it, and takes part in all others', async context => {
    const { server, ends, nodes } = await startTwo(context, 'hw.1.all', 'hw.1.n.>', 'hw.1.c.>', 'hw.1.g.chat.other');
    const [a, b] = nodes as [FakeNode, FakeNode];
    await expect(b.listen(group)).rejects.toThrow('NATS does not let this node subscribe to hw.1.g.chat.g');
    b.backplane.unlisten(group);
    expect([ends[1]?.refused, ends[1]?.faults]).toEqual([[[false, 'hw.1.g.chat.g']], []]);
    const other: Target = { ...group, group: 'other' };
    await b.listen(other);
    a.publish(other, 'x');
    await b.hears('x');
    await server.reload(listening('hw.1.>'));
    await b.listen(group);
    a.publish(group, 'y');
    await b.hears('y');
  });
});

/** One user, who may subscribe to all, and publish what is needed for the store, and these subjects. */
function publishing(...subjects: readonly string[]): string {
  const allow = JSON.stringify(['$JS.>', '$KV.>', 'hw.1.led.>', ...subjects]);
  return `authorization { users: [ { user: hw, password: a, permissions: { subscribe: ">", publish: { allow: ${allow} } } } ] }`;
}

describe('[CL-034] a node that may not publish', { timeout: 60_000 }, () => {
  const told =
    /NATS: this user may not publish to hw\.1\.all[^"]*, so that the others do not know of this node: it lets no client in until that is permitted; let it publish to hw\.1\.>, as deploy\/nats\/permissions\.conf does/g;

  test('is not ready when it starts, says once what to permit, and takes part once that is permitted', async context => {
    const server = await startNats(context, { settings: publishing() });
    const { hubwire, adminPort } = await startUnready(server);
    await hubwire.find(told, 'stderr');
    const readyz = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    expect([readyz.status, await readyz.text()]).toEqual([503, expect.stringContaining('or not publish')]);
    expect(hubwire.stdout).toBe('');
    await server.reload(publishing('hw.1.>'));
    await hubwire.find(/"event":"listening"/);
    await hubwire.find(/NATS: this node may do what was refused, and takes part/, 'stderr');
    expect(hubwire.stderr.match(told)).toHaveLength(1);
    expect(hubwire.stderr).not.toContain('internal error');
  });

  test('is not ready while the permission is taken away, and reaches the others again afterwards', async context => {
    const server = await startNats(context, { settings: publishing('hw.1.>') });
    const [one, two] = await startPair(server);
    const client = await one.dial({ token: { groups: ['news'] } });
    await client.next();
    await server.reload(publishing());
    await Promise.all([one, two].map(({ process }) => process.find(told, 'stderr')));
    await eventually(async () => expect([await readinessOf(one), await readinessOf(two)]).toEqual([503, 503]));
    await expect(two.dial()).rejects.toThrow();
    await server.reload(publishing('hw.1.>'));
    await eventually(async () => expect([await readinessOf(one), await readinessOf(two)]).toEqual([200, 200]));
    await restOf(two).group('news').sendToAll('heard', { contentType: 'text/plain' });
    expect(await client.next()).toMatchObject({ data: 'heard' });
    expect([one, two].map(({ process }) => process.stderr.includes('internal error'))).toEqual([false, false]);
  });

  test('[CL-122] to groups stays ready, and says once what does not reach them', async context => {
    const server = await startNats(context, { settings: publishing('hw.1.all', 'hw.1.n.>') });
    const [one, two] = await startPair(server);
    await one.dial({ token: { groups: ['news'] } });
    for (const group of ['news', 'sports'])
      await restOf(two).group(group).sendToAll('x', { contentType: 'text/plain' });
    const partly =
      /NATS: this user may not publish to hw\.1\.g\.chat\.news, so that what this node sends there reaches nobody; let it publish to hw\.1\.>/;
    await two.process.find(partly, 'stderr');
    expect(two.process.stderr.match(/may not publish/g)).toHaveLength(1);
    expect([await readinessOf(one), await readinessOf(two)]).toEqual([200, 200]);
  });
});
