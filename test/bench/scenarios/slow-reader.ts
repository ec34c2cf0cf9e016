import { Guard } from '../load/guard.js';
import { json } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import type { Load } from '../load/slice.js';
import type { ServerProcess } from '../servers/server-process.js';
import { clientUrl, sendOperation } from '../servers/urls.js';
import { group, hubwireRoom, type Room } from './rooms.js';
import type { OneServer, Scenario } from './scenario.js';

const subscribers = 1_000;
const room: Room = { publisher: json, readers: [json], subscribers, text: 'x'.repeat(128), inFlight: 16 };

/** What the kernel may hold for a client that does not read, and some more: from then on messages wait in the service. */
const clogBytes = 6 * 1024 * 1024;
const clogMessageBytes = 1024 * 1024;

/** Bytes that a client which does not read may cost: the configured queue, and what the socket holds. [client-protocols 8.1] */
const allowedBytes = 64 * 1024 * 1024;

/** Who does not read must cost nobody else anything, and little memory. */
export const slowReader: Scenario = {
  name: 'slow',
  title: `1 publisher → ${subscribers} clients, ${room.text.length}-byte messages, and one that stops reading`,
  unit: 'deliveries',
  series: [
    {
      name: 'one slow reader',
      goals: [{ metric: 'p99Ms', against: 'limit', most: 1.1 }],
      sliceMs: 2_000,
      open: async stage => {
        const beside = await hubwireRoom(stage, room);
        const alone = await hubwireRoom(stage, room);
        const subject = { ...beside, name: 'with a slow reader', load: withNewcomer(beside, client => client.pause()) };
        const limit = { ...alone, name: 'without', load: withNewcomer(alone, client => count(client)) };
        const check = () => checkCost(beside.server, alone.server);
        return { subject, limit, check };
      },
    },
  ],
};

/**
 * In each slice one more client comes, and much is sent to it. One that reads costs what the sending costs; one that does
 * not is ended by the service once too much waits for it.
 */
function withNewcomer({ server, load }: OneServer, begin: (client: RawClient) => void): Load {
  const url = clientUrl(server, { sub: 'newcomer', 'webpubsub.group': [group] });
  let newcomer: RawClient | undefined;
  return {
    prepare: async () => {
      newcomer?.destroy();
      newcomer = await RawClient.dial(url, json.subprotocol, new Guard());
      begin(newcomer);
      await clog(server);
    },
    run: durationMs => load.run(durationMs),
  };
}

function count(client: RawClient): void {
  client.startCounting({ least: 0, most: Number.POSITIVE_INFINITY }, () => {});
}

/** Fills the way to the newcomer, and to it alone. */
async function clog(server: ServerProcess): Promise<void> {
  const { url, headers } = sendOperation(server, '/users/newcomer');
  const body = 'x'.repeat(clogMessageBytes);
  for (let bytes = 0; bytes < clogBytes; bytes += clogMessageBytes) {
    const { status } = await fetch(url, { method: 'POST', headers, body });
    if (status !== 202) throw new Error(`a send to the newcomer was answered with ${status}`);
  }
}

async function checkCost(beside: ServerProcess, alone: ServerProcess): Promise<void> {
  const more = beside.residentBytes() - alone.residentBytes();
  if (more > allowedBytes) throw new Error(`slow readers cost ${Math.round(more / 1e6)} MB`);
  const metrics = await (await fetch(`${beside.listening.admin}/metrics`)).text();
  const closed = /^hubwire_connections_closed_total\{[^}]*SlowClient[^}]*\} (\d+)/m.exec(metrics)?.[1];
  if (closed === undefined) throw new Error('no slow reader was closed as SlowClient');
}
