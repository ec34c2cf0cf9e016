import { setMaxListeners } from 'node:events';
import { clockRows } from './checks/clock.js';
import { connectionRows } from './checks/connections.js';
import { eventRows } from './checks/events.js';
import { type HandleFacts, handleRows } from './checks/handles.js';
import { type MemoryFacts, memoryRows } from './checks/memory.js';
import { messageRows } from './checks/messages.js';
import type { Row } from './checks/row.js';
import { serviceRows } from './checks/service.js';
import { silentRows } from './checks/silent.js';
import { stalledRows } from './checks/stalled.js';
import { type StopFacts, stopRows } from './checks/stop.js';
import { Dice } from './dice.js';
import { Flood } from './load/flood.js';
import { LastClients, lastHub } from './load/last-clients.js';
import { Load } from './load/load.js';
import { pace } from './load/pace.js';
import type { Stage } from './load/stage.js';
import { StalledRounds, stalledHub } from './load/stalled-rounds.js';
import { pooledSockets, progressOf, untilQuiet } from './quiet.js';
import { readHandles } from './server/handles.js';
import { type MemoryReading, readings, readMemory } from './server/memory.js';
import { type Samples, Scraper } from './server/metrics.js';
import { readResident } from './server/resident.js';

/** What memory at the end is compared with. */
const warmUpMs = 60_000;
const mostReadingGapMs = 2_000;
const progressMs = 10_000;
const roundGapMs = 2_000;

interface LoadedMemory extends Pick<MemoryFacts, 'early' | 'late'> {
  /** While there are more silent connections than descriptors. */
  readonly flooded: MemoryReading;
}

interface AtRest {
  readonly memory: MemoryReading;
  readonly handles: HandleFacts['before'];
}

/** Keeps a service busy for as long as asked, lets it calm down, stops it, and judges what was seen. */
export class Soak {
  readonly #stage: Stage;
  readonly #end: AbortController;
  readonly #loadMs: number;
  readonly #print: (line: string) => void;
  readonly #scraper: Scraper;

  /** @param end ends the stage's load */
  constructor(stage: Stage, end: AbortController, loadMs: number, print: (line: string) => void) {
    this.#stage = stage;
    this.#end = end;
    this.#loadMs = loadMs;
    this.#print = print;
    this.#scraper = new Scraper(stage.hubwire.adminUrl);
    setMaxListeners(0, end.signal);
  }

  /** @throws Error when the service ends too early, or the load cannot be brought to an end */
  async run(): Promise<readonly Row[]> {
    const before = await this.#atRest();
    const loaded = await this.#load();
    this.#print('everybody has left; waiting for the service to calm down');
    const after = await this.#atRest();
    const samples = await this.#scraper.read();
    const counters = this.#counterRows(samples);
    const stopped = await this.#stop();
    const { memory: drained } = after;
    return [
      ...memoryRows({ before: before.memory, ...loaded, drained }),
      ...handleRows({ before: before.handles, after: after.handles }),
      ...silentRows(this.#stage.ledger, loaded),
      ...counters,
      ...stopRows(stopped),
      ...serviceRows(samples, this.#stage.hubwire.log, this.#stage.ledger),
    ];
  }

  #counterRows(samples: Samples): Row[] {
    const { ledger, tally } = this.#stage;
    return [
      ...connectionRows(samples, ledger, tally.rollOf('steady')),
      ...eventRows(samples, ledger, tally),
      ...messageRows(samples, ledger),
      ...stalledRows(samples, ledger, stalledHub),
      ...clockRows(samples, ledger),
    ];
  }

  async #load(): Promise<LoadedMemory> {
    const startMs = performance.now();
    const load = await Load.start(this.#stage);
    const progress = setInterval(() => void this.#report(startMs), progressMs);
    const warmMs = Math.min(warmUpMs, this.#loadMs / 3);
    const rounds = new StalledRounds(this.#stage, this.#scraper, new Dice(this.#stage.seed, 'stalled rounds'));
    await this.#stallUntil(rounds, startMs + warmMs);
    const early = await this.#readMemoryUntil(startMs + warmMs);
    await this.#stallUntil(rounds, startMs + this.#loadMs);
    while (!rounds.hasSeenAll) await rounds.next();
    const late = await this.#readMemoryUntil(startMs + this.#loadMs);
    clearInterval(progress);
    const flooded = await this.#flood();
    this.#end.abort();
    await load.drain();
    await this.#closeAll();
    return { early, late, flooded };
  }

  /** Rounds of stalled clients until memory is due to be read. One at least. */
  async #stallUntil(rounds: StalledRounds, timeMs: number): Promise<void> {
    const endMs = timeMs - this.#readingMs;
    do {
      await rounds.next();
      await pace(Math.min(roundGapMs, endMs - performance.now()));
    } while (performance.now() < endMs);
  }

  /** The last reading is then, or as soon as it can be. */
  async #readMemoryUntil(timeMs: number): Promise<MemoryReading> {
    await pace(timeMs - performance.now() - this.#readingMs);
    return readMemory(this.#stage.hubwire, this.#scraper, this.#readingGapMs);
  }

  async #flood(): Promise<MemoryReading> {
    const flood = new Flood(this.#stage);
    await flood.run();
    const reading = await readMemory(this.#stage.hubwire, this.#scraper, 0);
    await flood.end();
    return reading;
  }

  get #readingGapMs(): number {
    return Math.min(mostReadingGapMs, this.#loadMs / 30);
  }

  get #readingMs(): number {
    return (readings - 1) * this.#readingGapMs;
  }

  async #report(startMs: number): Promise<void> {
    const samples = await this.#scraper.read();
    this.#print(progressOf(samples, performance.now() - startMs));
  }

  /** What is left: clients that answer nothing, and sessions that wait for theirs. */
  async #closeAll(): Promise<void> {
    const { rest } = this.#stage;
    for (const hub of ['steady', 'edited', 'quiet', 'probed', 'idle', stalledHub]) {
      await rest.call({ operation: 'closeAll', method: 'POST', path: `/${hub}/:closeConnections`, expected: [204] });
    }
    await rest.close();
  }

  async #atRest(): Promise<AtRest> {
    const { apps, ledger, hubwire } = this.#stage;
    if (!(await untilQuiet(this.#scraper, apps))) ledger.complain('the service does not calm down');
    const memory = await readMemory(hubwire, this.#scraper, 0);
    const samples = await this.#scraper.read();
    return { memory, handles: readHandles(hubwire.pid, samples, pooledSockets(apps)) };
  }

  /** With clients that are stalled and connections that are silent. Counters have been read before. */
  async #stop(): Promise<StopFacts> {
    const { hubwire, apps, tally } = this.#stage;
    this.#scraper.close();
    await hubwire.inspector.close();
    const last = await LastClients.connect(this.#stage);
    const before = readResident(hubwire.pid);
    const startMs = performance.now();
    const { peak, ...exit } = await hubwire.terminate();
    const tookMs = performance.now() - startMs;
    const wrong = await last.end();
    for (const app of Object.values(apps)) app.close();
    return { exit, tookMs, clients: last.count, roll: tally.rollOf(lastHub), wrong, before, peak };
  }
}
