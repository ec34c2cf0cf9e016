import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Stall } from '../support/tcp-proxy.js';
import { partitionsHere, runInNamespace } from './namespace.js';
import type { Partitions } from './partitions.js';

/** Bytes that are not cut off arrive within much less, and TCP has tried those that are once more. */
const cutMs = 1_000;

/** What arrives while node 0 is cut off in this way, and after that. */
export interface Arrived {
  readonly cut: { readonly atServer: string; readonly atNode: string };
  readonly healed: { readonly atServer: string; readonly atNode: string };
}

/** A node and a server that each say `before`, `cut` when that is so, and `healed` afterwards. */
export async function arrivedBy(partitions: Partitions, way: Stall): Promise<Arrived> {
  const server = createServer().listen(0, partitions.serverHost);
  await once(server, 'listening');
  const [url = ''] = await partitions.urlsFor(0, [(server.address() as AddressInfo).port]);
  const node = connect(Number(new URL(url).port), new URL(url).hostname);
  const [peer] = (await once(server, 'connection')) as [Socket];
  const [atNode, atServer] = [textOf(node), textOf(peer)];
  const say = (text: string) => [node, peer].map(socket => socket.write(`${text} `));
  say('before');
  while (!(atServer() === 'before' && atNode() === 'before')) await setTimeout(20);
  partitions.cut(0, way);
  say('cut');
  await setTimeout(cutMs);
  const cut = { atServer: atServer(), atNode: atNode() };
  partitions.heal(0);
  say('healed');
  while (!(atServer().includes('healed') && atNode().includes('healed'))) await setTimeout(20);
  const healed = { atServer: atServer(), atNode: atNode() };
  for (const socket of [node, peer]) socket.destroy();
  server.close();
  partitions.close();
  return { cut, healed };
}

function textOf(socket: Socket): () => string {
  let text = '';
  socket.setEncoding('utf8').on('data', (some: string) => {
    text += some;
  });
  return () => text.trim();
}

/** As a program: prints what it is by packets, one way after another, or nothing where there is no namespace. */
if (process.argv[1] === fileURLToPath(import.meta.url) && (await runInNamespace()) === undefined) {
  const partitions = partitionsHere();
  const ways = ['both', 'fromClient', 'fromService'] as const;
  if (partitions.serverHost !== '0.0.0.0') process.exit(0);
  for (const way of ways) process.stdout.write(`${JSON.stringify(await arrivedBy(partitions, way))}\n`);
}
