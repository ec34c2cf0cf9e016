import { beforeEach, expect, test } from 'vitest';
import { lines, loggedAtMs, readinessOf, startAudited } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { startProxy } from '../support/tcp-proxy.js';

beforeEach(requireNats);

test('[CL-059] what a node kept while it was cut off brings no state back that others have cleared meanwhile', async context => {
  const [server, audited] = await Promise.all([startNats(context), startAudited('cluster: { leaseSeconds: 3 }')]);
  const way = await startProxy(server.port);
  const start = (port: number) => startService(audited.yaml, { HUBWIRE_NATS: `nats://127.0.0.1:${port}` });
  const [cut, peer] = await Promise.all([start(way.port), start(server.port)]);
  const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.setGroupState', 'webpubsub.getGroupState'];
  const [ann, bob] = await Promise.all([cut, peer].map(node => node.dial({ token: { roles, groups: ['g'] } })));
  for (const client of [ann!, bob!]) await client.next();
  expect(await bob!.ask({ type: 'subscribeGroupState', group: 'g', ackId: 1 })).toMatchObject({ success: true });
  expect(await bob!.next()).toMatchObject({ type: 'groupStateSnapshot' });
  await ann!.ask({ type: 'setGroupState', group: 'g', state: { at: '1' }, ackId: 1 });
  const updates: { states: { state?: object }[] }[] = [await bob!.next()];
  void (async () => {
    for (;;) updates.push(await bob!.next());
  })().catch(() => {});
  await audited.app.until(() => audited.audit.opened === 2);

  way.stopReading();
  await ann!.ask({ type: 'setGroupState', group: 'g', state: { at: '2' }, ackId: 2 });
  await loggedAtMs(peer, lines.claims);
  await audited.app.until(() => audited.audit.ended === 1);
  await eventually(() => expect(updates).toHaveLength(2)); // it is cleared
  way.resume();
  await loggedAtMs(cut, lines.fenced);
  await eventually(async () => expect(await readinessOf(cut)).toBe(200));
  await new Promise(resolve => setTimeout(resolve, 1_000));
  expect(updates.slice(2)).toEqual([]);
}, 60_000);
