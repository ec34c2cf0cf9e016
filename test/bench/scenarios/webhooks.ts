import { OwnWorkLoad } from '../load/own-work-load.js';
import { type BenchUpstream, startBenchUpstream } from '../load/upstream.js';
import type { Stage } from '../servers/stage.js';
import { concurrency } from '../servers/webhook-requests.js';
import { lastRequest } from './event.js';
import { fleetOf } from './fleet.js';
import { type Contender, type Contest, type Goal, ofLimit, type Scenario, type Series } from './scenario.js';

/** A request of 100 events takes 0.9 ms in the first second, and 0.2 ms from the third on. */
const warmUpMs = 4_000;

/** Of two processes of each kind: half of it is as long as a usual slice. */
const sliceMs = 1_400;

export const webhooks: Scenario = {
  name: 'webhooks',
  title: `client events kept on disk → signed → POST → 204, ${concurrency} requests at a time`,
  unit: 'requests',
  series: [
    seriesOf('an event per request', { events: 1, prepared: 20_000, goals: [ofLimit(0.7)] }),
    seriesOf('100 events per request', { events: 100, prepared: 900, goals: [ofLimit(0.7)] }),
    seriesOf('100 events per request, from a backlog', { events: 100, prepared: 5_000, goals: [] }),
  ],
};

interface Work {
  /** Of each request. */
  readonly events: number;
  /**
   * Requests that wait when a slice begins: as many as the outbox keeps in memory for those that are delivered at once, or, of a
   * backlog, more than a slice sends, of which nearly all are read from the file.
   */
  readonly prepared: number;
  readonly goals: readonly Goal[];
}

function seriesOf(name: string, work: Work): Series {
  return { name, goals: work.goals, warmUpMs, sliceMs, open: stage => open(stage, work) };
}

async function open(stage: Stage, work: Work): Promise<Contest> {
  const upstream = await startBenchUpstream();
  stage.onEnd(() => upstream.close());
  const subject = await fleetOf(() => openWebhooks(stage, upstream, work));
  const request = JSON.stringify(lastRequest(upstream));
  const limit = await fleetOf(async () => {
    const server = await stage.minimal('minimal-webhooks.ts', upstream.origin, request);
    return { name: 'minimal loop', server, load: new OwnWorkLoad(server) };
  });
  return { subject, limit };
}

async function openWebhooks(stage: Stage, { origin }: BenchUpstream, { events, prepared }: Work): Promise<Contender> {
  const file = new URL('../servers/webhooks.ts', import.meta.url);
  const args = [`${origin}/hooks`, String(events), stage.folder(), String(prepared)];
  const server = await stage.script('hubwire', file, ...args);
  const load = new OwnWorkLoad(server);
  await load.prepare();
  await load.run(1); // a step, for what it sends
  return { name: 'hubwire', server, load };
}
