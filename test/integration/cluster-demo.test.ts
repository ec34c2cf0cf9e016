import { describe, expect, test } from 'vitest';
import { clientUrl } from '../../src/auth/client-url.js';
import { KeyTokens } from '../../src/auth/key-tokens.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import type { Service } from '../../src/service.js';
import { fileWith, HubwireProcess, runHubwire } from '../support/hubwire-process.js';
import { requireNats } from '../support/nats-server.js';
import { dialer } from '../support/test-client.js';

const tokens = new KeyTokens({ primary: developmentKey, secondary: undefined }, Date.now);

/** Clients of one node. */
function dialAt(node: string) {
  const seen: Pick<Service, 'publicUrl' | 'clientUrl'> = {
    publicUrl: node,
    clientUrl: (hub, claims, minutes) => clientUrl(tokens, node, hub, claims, minutes),
  };
  return dialer(seen as Service); // of a service, clients need no more than this
}

describe('--cluster', { timeout: 90_000 }, () => {
  test('runs three nodes and three nats-servers on one machine', async context => {
    requireNats(context);
    const file = await fileWith('hubs: { chat: {} }\n');
    const process = new HubwireProcess([
      'start',
      '--json',
      '--cluster',
      '3',
      '--hubs',
      file,
      '--port',
      '0',
      '--admin-port',
      'any',
    ]);
    const [line] = await process.find(/^\{.*\}\n/);
    const { nodes, admin } = JSON.parse(line) as { nodes: string[]; admin: string };
    expect(new Set(nodes).size).toBe(3);
    expect(process.stderr.match(/nats-server \S+ is process \d+/g)).toHaveLength(3);
    const clients = await Promise.all(
      nodes.map(node => dialAt(node)({ token: { roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'] } })),
    );
    for (const client of clients) await client.next();
    for (const client of clients) await client.ask({ type: 'joinGroup', group: 'g', ackId: 1 });
    const message = { type: 'sendToGroup', group: 'g', dataType: 'text', data: 'to all nodes', ackId: 2 };
    expect(await clients[0]?.ask(message)).toMatchObject({ success: true });
    for (const client of clients.slice(1)) expect(await client.next()).toMatchObject({ data: 'to all nodes' });
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    expect(metrics).toMatch(/^hubwire_connections\{hub="chat",protocol="json.webpubsub.azure.v1"\} 3$/m);
    process.signal('SIGTERM');
    for (const client of clients) expect((await client.closed).code).toBe(1001);
    expect(await process.exit).toEqual({ code: 0, signal: null });
  });

  test('shows the event handlers of the sample once they are validated, and calls its processes nodes', async context => {
    requireNats(context);
    const process = new HubwireProcess([
      ...['start', '--cluster', '2', '--sample', '--port', '0', '--admin-port', 'any'],
    ]);
    await process.find(/\n {2}a client of hub /);
    expect(process.stdout).toMatch(/^ {2}event handlers\n {4}✔ chat {2}\S+ {2}active$/m);
    expect(process.stdout).not.toContain('no event handler points at');
    expect(process.stderr.match(/node [12] is process \d+/g)).toHaveLength(2);
    expect(process.stderr.match(/"node":[12],/g)?.length).toBeGreaterThan(0);
    expect(process.stderr).toMatch(/for the nodes only/);
    expect(process.stderr).not.toMatch(/worker/);
  });

  test.each([
    [['--cluster', '1'], 'hubwire: --cluster must be a number from 2 to 9, not "1"'],
    [['--cluster', '3', '--workers', '2'], 'hubwire: --workers and --cluster exclude each other'],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await runHubwire(['start', ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});
