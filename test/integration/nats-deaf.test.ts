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

const sentence =
  /NATS: this user may not subscribe to hw\.1\.[^"]*, so that this node cannot hear the others: it lets no client in until that is permitted; let it subscribe to hw\.1\.>, as deploy\/nats\/permissions\.conf does/;

describe('[CL-034] a node that may not subscribe', { timeout: 60_000 }, () => {
  test('is not ready when it starts, says what to permit, and takes part once that is permitted', async context => {
    const server = await startNats(context, { settings: listening() });
    const [port, adminPort] = [String(await freePort()), String(await freePort())];
    const args = ['start', '--json', '--hubs', await fileWith(yaml), '--port', port, '--admin-port', adminPort];
    const hubwire = new HubwireProcess([...args, '--nats', login(server)]);
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
    await hubwire.find(/NATS: this node may subscribe to what was refused, and takes part/, 'stderr');
    expect(hubwire.stderr).not.toContain('internal error');
    expect(hubwire.stderr.match(new RegExp(sentence, 'g'))).toHaveLength(1);
  });

  test('[CL-041] is not ready while a permission is taken away: it answers 503 for what others may have', async context => {
    const server = await startNats(context, { settings: listening('hw.1.>') });
    const [one, two] = [
      await startService(yaml, { HUBWIRE_NATS: login(server) }),
      await startService(yaml, { HUBWIRE_NATS: login(server) }),
    ];
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

test('[CL-122] a node that may not publish to the others says so once, whatever the subjects', async context => {
  const publishing = (allowed: string) =>
    `authorization { users: [ { user: hw, password: a, permissions: { subscribe: ">", publish: ${allowed} } } ] }`;
  const server = await startNats(context, { settings: publishing('["$JS.>", "$KV.>", "hw.1.led.>"]') });
  const file = await fileWith(yaml);
  const args = ['start', '--json', '--hubs', file, '--port', '0', '--admin-port', 'any', '--nats', login(server)];
  const hubwire = new HubwireProcess(args);
  const told =
    /NATS: this user may not publish to hw\.1\.\S+, so that what this node sends there reaches nobody; let it publish to hw\.1\.>/g;
  await hubwire.find(told, 'stderr');
  await server.reload(publishing('">"'));
  await hubwire.find(/"event":"listening"/);
  expect(hubwire.stderr.match(told)).toHaveLength(1);
});
