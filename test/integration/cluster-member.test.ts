import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ClusterMember } from '../../src/cluster-member.js';
import { Link } from '../../src/nats/link.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { natsOptions, ToldEvents } from '../support/nats-link.js';
import { requireNats, startNats } from '../support/nats-server.js';

beforeEach(requireNats);

/** What a node with such a lease is warned of when it starts, each in a cluster of its own. */
async function warningsAtStart(urls: readonly string[], leaseMs: number): Promise<readonly string[]> {
  const told = new ToldEvents();
  const clusterName = `lease-${leaseMs}`;
  const link = new Link(natsOptions(urls, { clusterName }), 'store', told.parts);
  const nothing = () => {};
  const member = new ClusterMember({
    ...{ link, clusterName, clock: systemClock },
    storing: { replicas: 'auto', parts: told.parts },
    rules: { leaseMs, onIsolation: 'pause' },
    about: () => ({ name: 'n', version: '1', formats: [1], digest: '' }),
    life: {
      ...{ newTag: () => 'tag-_1', join: async () => {} },
      ...{ resume: nothing, pause: nothing, isolate: nothing, fence: nothing, forget: nothing },
    },
    heir: { end: async () => {}, inherit: async () => {} },
    observer: {
      ...{ entered: nothing, claimed: nothing, takenOver: nothing, appended: nothing },
      ...{ configs: nothing, configsDiffer: nothing, storeFailed: nothing, fault: nothing },
    },
  });
  onTestFinished(async () => {
    await member.stop(true);
    await link.close();
  });
  await member.start();
  return told.lines.filter(line => line.startsWith('warned: cluster.'));
}

test('[CL-057] a lease below 15 s is warned of where three servers elect a leader', async context => {
  const { urls } = await startNatsCluster(context);
  expect(await warningsAtStart(urls, 14_000)).toEqual([
    'warned: cluster.leaseSeconds is 14: with three servers of NATS, nodes pause whenever these elect a leader, ' +
      'which takes up to 9 s; use 15 or more.',
  ]);
  expect(await warningsAtStart(urls, 15_000)).toEqual([]);
});

test('[CL-057] no lease is warned of on one server, where nobody is elected', async context => {
  const { url } = await startNats(context);
  expect(await warningsAtStart([url], 3_000)).toEqual([]);
});
