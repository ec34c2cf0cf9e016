import { OwnWorkLoad } from '../load/own-work-load.js';
import { startBenchUpstream } from '../load/upstream.js';
import type { Stage } from '../servers/stage.js';
import { concurrency } from '../servers/webhook-requests.js';
import { lastRequest } from './event.js';
import { type Contest, ofLimit, type Scenario, type Series } from './scenario.js';

export const webhooks: Scenario = {
  name: 'webhooks',
  title: `client events kept on disk → signed → POST → 204, ${concurrency} requests at a time`,
  unit: 'requests',
  series: [seriesOf(1), seriesOf(100)],
};

function seriesOf(events: number): Series {
  return {
    name: events === 1 ? 'an event per request' : `${events} events per request`,
    goals: [ofLimit(0.7)],
    open: stage => open(stage, events),
  };
}

async function open(stage: Stage, events: number): Promise<Contest> {
  const upstream = await startBenchUpstream();
  stage.onEnd(() => upstream.close());
  const file = new URL('../servers/webhooks.ts', import.meta.url);
  const server = await stage.script('hubwire', file, `${upstream.origin}/hooks`, String(events), stage.folder());
  const load = new OwnWorkLoad(server);
  await load.prepare();
  await load.run(1); // a step, for what it sends
  const minimal = await stage.minimal('minimal-webhooks.ts', upstream.origin, JSON.stringify(lastRequest(upstream)));
  return {
    subject: { name: 'hubwire', server, load },
    limit: { name: 'minimal loop', server: minimal, load: new OwnWorkLoad(minimal) },
  };
}
