import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, type TestContext, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { NatsClusterStore } from '../../src/cluster/nats-store.js';
import type { LeaseValue } from '../../src/cluster/store.js';
import { type TellFailure, toldStore } from '../../src/cluster/told-store.js';
import { loggedAtMs } from '../support/cluster-processes.js';
import { startService } from '../support/hubwire-process.js';
import { newLink, ToldEvents } from '../support/nats-link.js';
import { requireNats, startNats } from '../support/nats-server.js';

const value: LeaseValue = { name: 'n', version: '1', formats: [1], startedMs: 1, digest: '', state: 'live' };

/** The store of a server, for one of its users, and what it has told. */
async function setup(context: TestContext, settings: string, users = ['hw']) {
  requireNats(context);
  const { url } = await startNats(context, { settings });
  const open = async (user: string) => {
    const { link } = newLink([url.replace('//', `//${user}:a@`)], { purpose: 'store' });
    const storing = { replicas: 'auto', parts: new ToldEvents().parts } as const;
    const store = new NatsClusterStore({ link, clusterName: 'hw', leaseMs: 20_000, storing, clock: systemClock });
    await store.open();
    return { link, store };
  };
  const [first, ...others] = users;
  let last = await open(first ?? '');
  for (const user of others) last = await open(user);
  const lines: string[] = [];
  const tell: TellFailure = (what, tag, reason) => void lines.push(`${what} ${tag}: ${reason}`);
  let nowMs = 0;
  const store = toldStore(last.store, tell, { monotonicMs: () => nowMs });
  const aSecondPasses = () => {
    nowMs += 1_000;
  };
  return { store, link: last.link, lines, aSecondPasses };
}

const user = (name: string, more = '') => `{ user: ${name}, password: a${more} }`;

describe('[CL-123] why NATS stores nothing is told', () => {
  test('when the account is full', async context => {
    const account = `jetstream: { max_file: 10KB, max_mem: 1MB }, users: [ ${user('hw')} ]`;
    const { store, lines } = await setup(context, `accounts { A { ${account} } }`);
    const fill = async () => {
      for (let after = 0; after < 20; after += 1) await store.append('much', Buffer.alloc(1_000), after);
    };
    await expect(fill()).rejects.toThrow();
    for (let round = 0; round < 3; round += 1)
      await expect(store.append('tag', Buffer.alloc(1_000), 0)).rejects.toThrow();
    expect(lines.map(line => line.replace('much', 'tag'))).toEqual(
      Array(2).fill('write to a ledger tag: resource limits exceeded for account'),
    );
  });

  test('when the streams are missing', async context => {
    const { store, link, lines, aSecondPasses } = await setup(context, `authorization { users: [ ${user('hw')} ] }`);
    const manager = await jetstreamManager(link.connection!);
    for (const name of ['KV_hw_nodes', 'hw_ledger']) await manager.streams.delete(name);
    const attempt = async () => {
      await expect(store.writeLease('tag', value, undefined)).rejects.toThrow();
      await expect(store.append('tag', Buffer.alloc(1), 0)).rejects.toThrow();
    };
    await attempt();
    expect(lines).toEqual([]); // as while a stream that was just created has no leader yet
    aSecondPasses();
    await attempt();
    await expect(store.leases()).rejects.toThrow();
    expect(lines).toEqual([
      "write a lease tag: the stream is missing, or has no leader: no responders: '$KV.hw_nodes.tag'",
      "write to a ledger tag: the stream is missing, or has no leader: no responders: 'hw.1.led.tag'",
      'read the leases of all nodes undefined: stream not found',
    ]);
  });

  test('when the user may not do it', async context => {
    const few = ', permissions: { publish: { allow: ">", deny: ["$KV.hw_nodes.>"] } }';
    const users = `authorization { users: [ ${user('hw')}, ${user('few', few)} ] }`;
    const { store, lines } = await setup(context, users, ['hw', 'few']);
    for (let round = 0; round < 3; round += 1)
      await expect(store.writeLease('tag', value, undefined)).rejects.toThrow();
    expect(lines).toEqual(['write a lease tag: Permissions Violation for Publish to "$KV.hw_nodes.tag"']);
  });

  test('before the node pauses for it', async context => {
    requireNats(context);
    const server = await startNats(context);
    const yaml = 'hubs:\n  chat:\n    anonymousConnectPolicy: allow\ncluster: { leaseSeconds: 3 }\n';
    const service = await startService(yaml, { HUBWIRE_NATS: server.url });
    const { link } = newLink([server.url]);
    await (await jetstreamManager(await link.start())).streams.delete('KV_hw_nodes');
    const pausedMs = await loggedAtMs(service, 'this node is paused');
    expect(await loggedAtMs(service, 'cannot write a lease in NATS, trying again until it can')).toBeLessThan(pausedMs);
    expect(service.process.stderr.match(/cannot write a lease/g)).toHaveLength(1);
    expect(service.process.stderr).toMatch(/"reason":"the stream is missing, or has no leader: /);
  }, 60_000);
});
