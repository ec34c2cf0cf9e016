import { pace } from './load/pace.js';
import type { Apps } from './load/stage.js';
import type { Samples, Scraper } from './server/metrics.js';

/** Longer than anything that may still be under way: a recovery window, an event's time limit, an idle socket's. */
const limitMs = 60_000;
const everyMs = 500;

/**
 * Settles once nobody is connected, no event has ended since it was last asked, and the service has closed its idle
 * sockets to the app servers, which it does after some seconds: no event is under way then. False when that takes too long.
 */
export async function untilQuiet(scraper: Scraper, apps: Apps): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  let before = -1;
  while (performance.now() < endMs) {
    const samples = await scraper.read();
    const ended = samples.sum('events_total');
    if (samples.sum('connections') === 0 && ended === before && pooledSockets(apps) === 0) return true;
    before = ended;
    await pace(everyMs);
  }
  return false;
}

/** As the app servers see them. */
export function pooledSockets(apps: Apps): number {
  return Object.values(apps).reduce((total, { openSockets }) => total + openSockets, 0);
}

/** One line on how it goes. */
export function progressOf(samples: Samples, elapsedMs: number): string {
  const figures = [
    `${Math.round(elapsedMs / 1000)} s`,
    `${samples.sum('connections')} connections`,
    `${samples.sum('connections_opened_total').toLocaleString('en')} opened`,
    `${samples.sum('events_total').toLocaleString('en')} events`,
    `${samples.sum('messages_sent_total').toLocaleString('en')} messages sent`,
    `${(samples.sum('process_resident_memory_bytes') / 1e6).toFixed(0)} MB resident`,
  ];
  return figures.join(', ');
}
