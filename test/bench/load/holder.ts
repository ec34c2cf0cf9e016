/**
 * A process that holds idle clients and answers the pings of their server: a process of its own, since one may not open
 * enough sockets for two servers. Arguments: URL, number of clients, subprotocol (empty: none). It says `ready`, and on
 * each message how many pings it has answered.
 */
import { Guard } from './guard.js';
import { dialMany, RawClient } from './raw-client.js';

const [url = '', count = '0', subprotocol = ''] = process.argv.slice(2);
let pings = 0;
const nothing = { least: 0, most: 0 };

async function main(): Promise<void> {
  const guard = new Guard();
  const offered = subprotocol === '' ? undefined : subprotocol;
  await dialMany(Number(count), async () => {
    const client = await RawClient.dial(url, offered, guard);
    client.startCounting(nothing, () => {}, countPing);
    return client;
  });
  guard.during(new Promise<never>(() => {}), 2 ** 31 - 1).catch(fail);
  process.on('message', () => process.send?.(pings));
  process.once('disconnect', () => process.exit(0));
  process.send?.('ready');
}

function countPing(): void {
  pings += 1;
}

function fail(error: unknown): void {
  process.stderr.write(`idle clients: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
