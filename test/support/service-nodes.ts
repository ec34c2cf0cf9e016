import { eventually } from './eventually.js';
import { NatsServer } from './nats-server.js';
import { type ProcessOptions, type ServiceProcess, startServiceProcess } from './service-process.js';
import { SpreadingProxy } from './spreading-proxy.js';

/** How many processes serve what programs that are no tests start: `HUBWIRE_TEST_NODES`, as for `npm run test:nodes`. */
export const nodeCount = Number(process.env.HUBWIRE_TEST_NODES ?? 1);

/**
 * The service as `nodeCount` processes, each a node on a nats-server of their own, behind one address that spreads connections
 * over them. With one, as `startServiceProcess`.
 * @throws when one ends before it listens, with what it logged
 */
export async function startServiceNodes(yaml: string, options: ProcessOptions = {}): Promise<ServiceProcess> {
  if (nodeCount === 1) return startServiceProcess(yaml, options);
  const nats = await NatsServer.start();
  const front = await SpreadingProxy.listen('127.0.0.1', options.port);
  const publicUrl = `http://localhost:${front.port}`;
  const env = { ...options.env, HUBWIRE_NATS: nats.url, HUBWIRE_ENDPOINT: publicUrl };
  const starts = await Promise.allSettled(
    Array.from({ length: nodeCount }, () => startServiceProcess(yaml, { ...options, port: 0, env })),
  );
  const nodes = starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : []));
  const stop = async () => {
    await Promise.all(nodes.map(node => node.stop()));
    front.close();
    await nats.stop();
  };
  const failure = starts.find(start => start.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  front.nodes = await Promise.all(
    nodes.map(async node => ({ port: Number(new URL(node.publicUrl).port), tag: await tagOf(node) })),
  );
  const [{ connectionString }] = nodes as [ServiceProcess];
  return { publicUrl, adminUrl: null, connectionString, log: () => nodes.map(node => node.log()).join('\n'), stop };
}

/** As it is logged before the node listens, on another pipe than the one that says so. */
function tagOf({ log }: ServiceProcess): Promise<string> {
  return eventually(async () => {
    const [, tag] = /"tag":"([\w-]{6})",.*"msg":"cluster: this node is live"/.exec(log()) ?? [];
    if (tag === undefined) throw new Error(`the node does not say that it is live:\n${log()}`);
    return tag;
  });
}

/** Flags with which one process starts `nodeCount` workers behind one port, with one admin listener. */
export const workerArgs: readonly string[] = nodeCount === 1 ? [] : ['--workers', String(nodeCount)];
