import { FanOutLoad } from '../load/fan-out-load.js';
import { Guard } from '../load/guard.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { clientUrl, hub } from '../servers/client-url.js';
import type { Stage } from '../servers/stage.js';
import type { Contender, Scenario, Series } from './scenario.js';

const subscribers = 1_000;
const message = 'x'.repeat(128);
const group = 'bench';
const subprotocol = 'json.webpubsub.azure.v1';
const request = JSON.stringify({ type: 'sendToGroup', group, noEcho: true, dataType: 'text', data: message });

/** Pings would be deliveries that nobody counts, so they are kept rare. */
const hubs = `hubs:\n  ${hub}:\n    webSocketKeepAliveIntervalInSeconds: 120\n`;

export const fanout: Scenario = {
  name: 'fanout',
  title: `1 publisher → ${subscribers} clients of ${subprotocol}, ${message.length}-byte messages`,
  unit: 'deliveries',
  series: [seriesOf(1), seriesOf(16)],
};

function seriesOf(inFlight: number): Series {
  return {
    name: `${inFlight} in flight`,
    open: async stage => ({
      hubwire: await hubwire(stage, inFlight),
      minimal: await minimal(stage, inFlight),
    }),
  };
}

async function hubwire(stage: Stage, inFlight: number): Promise<Contender> {
  const server = await stage.hubwire(hubs);
  const publisherUrl = clientUrl(server, { sub: 'publisher', role: [`webpubsub.sendToGroup.${group}`] });
  const subscriberUrl = clientUrl(server, { sub: 'subscriber', 'webpubsub.group': [group] });
  return { server, load: await connect(stage, publisherUrl, subscriberUrl, inFlight) };
}

async function minimal(stage: Stage, inFlight: number): Promise<Contender> {
  const server = await stage.minimal('minimal-fan-out.ts', ...(inFlight > 1 ? ['--joined'] : []));
  const { public: url } = server.listening;
  return { server, load: await connect(stage, `${url}/publish`, `${url}/subscribe`, inFlight) };
}

async function connect(
  stage: Stage,
  publisherUrl: string,
  subscriberUrl: string,
  inFlight: number,
): Promise<FanOutLoad> {
  const guard = new Guard();
  const publisher = await RawClient.dial(publisherUrl, subprotocol, guard);
  const receivers = await dialMany(subscribers, () => RawClient.dial(subscriberUrl, subprotocol, guard));
  stage.onEnd(() => hangUp([publisher, ...receivers]));
  const load = new FanOutLoad(publisher, receivers, request, inFlight, guard);
  await load.prime(checkCopy);
  return load;
}

function checkCopy(copy: string): void {
  const { type, data } = JSON.parse(copy) as { type: unknown; data: unknown };
  if (type !== 'message' || data !== message) throw new Error(`a subscriber received something else: ${copy}`);
}
