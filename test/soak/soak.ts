import { setMaxListeners } from 'node:events';
import { clockRows } from './checks/clock.js';
import { connectionRows } from './checks/connections.js';
import { eventRows } from './checks/events.js';
import { type HandleFacts, handleRows } from './checks/handles.js';
import { type MemoryFacts, memoryRows } from './checks/memory.js';
import { messageRows } from './checks/messages.js';
import type { Row } from './checks/row.js';
import { serviceRows } from './checks/service.js';
import { Load } from './load/load.js';
import { pace } from './load/pace.js';
import type { Stage } from './load/stage.js';
import { pooledSockets, progressOf, untilQuiet } from './quiet.js';
import { readHandles } from './server/handles.js';
import type { Exit } from './server/hubwire.js';
import { type MemoryReading, readings, readMemory } from './server/memory.js';
import { type Samples, Scraper } from './server/metrics.js';

/** What memory at the end is compared with. [issue 4, Soak] */
const warmUpMs = 60_000;
const mostReadingGapMs = 2_000;
const progressMs = 10_000;

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
    const exit = await this.#stop();
    const { memory: drained } = after;
    return [
      ...memoryRows({ before: before.memory, ...loaded, drained }),
      ...handleRows({ before: before.handles, after: after.handles }),
      ...this.#counterRows(samples, exit),
    ];
  }

  #counterRows(samples: Samples, exit: Exit): Row[] {
    const { ledger, tally, hubwire } = this.#stage;
    return [
      ...connectionRows(samples, ledger, tally.rollOf('steady')),
      ...eventRows(samples, ledger, tally),
      ...messageRows(samples, ledger),
      ...clockRows(samples, ledger),
      ...serviceRows(samples, hubwire.log, ledger, exit),
    ];
  }

  async #load(): Promise<Pick<MemoryFacts, 'early' | 'late'>> {
    const startMs = performance.now();
    const load = await Load.start(this.#stage);
    const progress = setInterval(() => void this.#report(startMs), progressMs);
    const warmMs = Math.min(warmUpMs, this.#loadMs / 3);
    const early = await this.#readMemoryUntil(startMs + warmMs);
    const late = await this.#readMemoryUntil(startMs + this.#loadMs);
    clearInterval(progress);
    this.#end.abort();
    await load.drain();
    await this.#closeAll();
    return { early, late };
  }

  /** The last reading is then. */
  async #readMemoryUntil(timeMs: number): Promise<MemoryReading> {
    const gapMs = Math.min(mostReadingGapMs, this.#loadMs / 30);
    await pace(timeMs - performance.now() - (readings - 1) * gapMs);
    return readMemory(this.#stage.hubwire, this.#scraper, gapMs);
  }

  async #report(startMs: number): Promise<void> {
    const samples = await this.#scraper.read();
    this.#print(progressOf(samples, performance.now() - startMs));
  }

  /** What is left: clients that answer nothing, and sessions that wait for theirs. */
  async #closeAll(): Promise<void> {
    const { rest } = this.#stage;
    for (const hub of ['steady', 'edited', 'quiet', 'probed', 'idle']) {
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

  async #stop(): Promise<Exit> {
    const { hubwire, apps } = this.#stage;
    this.#scraper.close();
    await hubwire.inspector.close();
    const exit = await hubwire.terminate();
    for (const app of Object.values(apps)) app.close();
    return exit;
  }
}
