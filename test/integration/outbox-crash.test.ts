import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { repository } from '../support/doc-pages.js';
import { mustAllRun } from '../support/not-run.js';
import { outboxDirectory } from '../support/outbox-directory.js';

const program = join(repository, 'test/support/outbox-accepting.mjs');
const rounds = mustAllRun ? 100 : 8;
const longestLifeMs = 400;
const secondMs = 1_000;

/** What all processes of a test said. */
class Log {
  readonly accepted = new Set<string>();
  /** In the order in which the deliverer was given them. */
  readonly given: string[] = [];
  /** Of each batch, with its events in order. */
  readonly batches: string[][] = [];

  read(line: string): void {
    const [what, ...ids] = line.split(' ');
    if (what === 'a') for (const id of ids) this.accepted.add(id);
    if (what === 'd') this.given.push(...ids);
    if (what === 'b') this.batches.push(ids);
  }

  get missing(): string[] {
    const given = new Set([...this.given, ...this.batches.flat()]);
    return [...this.accepted].filter(id => !given.has(id));
  }

  /** Events that were given in two batches: one may be repeated as a whole, in an attempt that did not get to its end. */
  get inTwoBatches(): string[] {
    const batchOf = new Map<string, string>();
    return this.batches.flatMap(ids => {
      const batch = ids.join(' ');
      const others = ids.filter(id => (batchOf.get(id) ?? batch) !== batch);
      for (const id of ids) batchOf.set(id, batch);
      return others;
    });
  }

  /** Envelopes that were given after a later one of their key. */
  get outOfOrder(): string[] {
    const last = new Map<string, readonly [start: number, number: number]>();
    return this.given.filter(id => {
      const [key = '', start, number] = id.split('-');
      const place = [Number(start), Number(number)] as const;
      const [lastStart, lastNumber] = last.get(key) ?? [0, 0];
      last.set(key, place);
      return place[0] < lastStart || (place[0] === lastStart && place[1] < lastNumber);
    });
  }
}

/** Milliseconds after the beginning, or after it said that it has started; or until so many envelopes wait. */
type Life = { readonly from: 'spawn' | 'started'; readonly ms: number } | { readonly waiting: number };

async function isOver(life: Life, started: Promise<unknown>, lines: Interface, log: Log): Promise<void> {
  if ('waiting' in life) {
    while (log.missing.length < life.waiting) await once(lines, 'line');
    return;
  }
  if (life.from === 'started') await started;
  await setTimeout(life.ms);
}

/** @param life after which the process is killed; undefined: it ends when all is delivered */
async function runProcess(directory: string, start: number, log: Log, life?: Life): Promise<void> {
  const mode = life === undefined ? 'drain' : 'accept';
  const child = spawn(process.execPath, [program, directory, String(start), mode], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout }).on('line', line => log.read(line));
  const started = once(lines, 'line'); // the first one says so
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  if (life !== undefined) {
    await Promise.race([ended, isOver(life, started, lines, log)]);
    child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  if (life === undefined ? code !== 0 : signal !== 'SIGKILL') throw new Error(`start ${start}: ${stderr}`);
}

test(`[PW-059] ${rounds} times kill -9 while 2,000 envelopes a second are accepted, and events in batches: each one arrives, in order per key`, {
  timeout: 60 * secondMs + rounds * 10 * secondMs,
}, async () => {
  const directory = await outboxDirectory();
  const log = new Log();
  for (let start = 1; start <= rounds; start += 1) {
    const from = start % 5 === 0 ? 'spawn' : 'started'; // some are killed while they start
    await runProcess(directory, start, log, { from, ms: Math.random() * longestLifeMs });
  }
  const { size } = log.accepted;
  await runProcess(directory, rounds + 1, log);
  expect(size).toBeGreaterThan(rounds * 10);
  expect(log.missing).toEqual([]);
  expect(log.outOfOrder).toEqual([]);
  expect(log.batches.some(ids => ids.length > 2)).toBe(true);
  expect(log.inTwoBatches).toEqual([]);
});

test('500 envelopes that wait when the process ends are delivered by the next one', {
  timeout: 120 * secondMs,
}, async () => {
  const directory = await outboxDirectory();
  const log = new Log();
  await runProcess(directory, 1, log, { waiting: 500 });
  expect(log.missing.length).toBeGreaterThan(0);
  await runProcess(directory, 2, log);
  expect(log.missing).toEqual([]);
});
