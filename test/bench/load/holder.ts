/**
 * A process that holds idle clients and keeps them alive: a process of its own, since one may not open enough sockets
 * for two servers. Arguments: an `IdleClient` as JSON, and how many. It says `ready`, and on each message how many pings
 * were exchanged.
 */
import { maskedText } from './frames.js';
import { Guard } from './guard.js';
import type { IdleClient, KeepAlive } from './idle-load.js';
import { sameLength } from './protocols.js';
import { dialMany, RawClient } from './raw-client.js';

const [clientJson = '', count = '0'] = process.argv.slice(2);
const { url, subprotocol, isGreeted, hello, keepAlive } = JSON.parse(clientJson) as IdleClient;
let pings = 0;
const nothing = { least: 0, most: 0 };

async function main(): Promise<void> {
  const guard = new Guard();
  await dialMany(Number(count), async () => {
    const client = await come(guard);
    if (keepAlive === undefined) client.startCounting(nothing, () => {}, countPing);
    else exchange(client, keepAlive);
    return client;
  });
  guard.during(new Promise<never>(() => {}), 2 ** 31 - 1).catch(fail);
  process.on('message', () => process.send?.(pings));
  process.once('disconnect', () => process.exit(0));
  process.send?.('ready');
}

async function come(guard: Guard): Promise<RawClient> {
  const client = await (isGreeted ? RawClient.dial : RawClient.open)(url, subprotocol, guard);
  if (hello !== undefined) {
    client.write(maskedText(hello));
    await guard.during(client.next(), 10_000);
  }
  return client;
}

/** A client that pings does so by a clock of its own, so all are spread as their coming was. */
function exchange(client: RawClient, keepAlive: KeepAlive): void {
  const isAsked = keepAlive.from === 'server';
  const said = maskedText(isAsked ? keepAlive.pong : keepAlive.ping);
  const heard = Buffer.from(isAsked ? keepAlive.ping : keepAlive.pong);
  client.startCounting(sameLength(heard), count => {
    pings += count;
    if (isAsked) client.write(said);
  });
  if (!isAsked) setInterval(() => client.write(said), keepAlive.intervalMs);
}

function countPing(): void {
  pings += 1;
}

function fail(error: unknown): void {
  process.stderr.write(`idle clients: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
