import { expect, test } from 'vitest';
import { startAudited } from '../support/cluster-processes.js';
import { startService } from '../support/hubwire-process.js';

const reliable = { protocols: ['json.reliable.webpubsub.azure.v1'] };

test('[F14] kill -9 of a node that runs alone loses its connections and their `disconnected`, and nothing is told twice', async () => {
  const { app, yaml } = await startAudited();
  const told = (event: string) => app.posts.filter(({ path }) => path === `/${event}`).map(idOf);
  const first = await startService(yaml);
  const clients = await Promise.all([first.dial(), first.dial(reliable)]);
  const [plain, session] = await Promise.all(clients.map(client => client.next()));
  await app.until(() => told('connected').length === 2);

  first.process.signal('SIGKILL');
  await Promise.all([first.process.exit, ...clients.map(({ closed }) => closed)]);
  const second = await startService(yaml, {}, [], ['--port', new URL(first.publicUrl).port, '--admin-port', 'any']);

  const { connectionId, reconnectionToken } = session;
  const query = `awps_connection_id=${connectionId}&awps_reconnection_token=${encodeURIComponent(reconnectionToken)}`;
  const returned = await second.dial({ ...reliable, query });
  expect((await returned.closed).code).toBe(1008);
  const afresh = await second.dial();
  const { connectionId: newId } = await afresh.next();
  await afresh.close();
  await app.until(() => told('disconnected').length > 0);
  expect(told('disconnected')).toEqual([newId]);
  expect(told('connected').toSorted()).toEqual([plain.connectionId, connectionId, newId].toSorted());
});

function idOf({ headers }: { readonly headers: NodeJS.Dict<string | string[]> }): string {
  return String(headers['ce-connectionid']);
}
