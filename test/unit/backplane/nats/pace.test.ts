import { describe, expect, test } from 'vitest';
import { Pace } from '../../../../src/backplane/nats/pace.js';

interface Kept {
  addedAtMs: number;
  commands: number;
  bytes: Buffer;
}

const stepMs = 50;
const oneHundred = Buffer.alloc(100);
const entry = { number: 1, subject: 's', reply: undefined, sentAtMs: 0, position: 0 };

/** What waits, at a pace, in steps. */
class Backlog {
  readonly pace: Pace;
  /** When each was admitted, and how many messages it has. */
  readonly admitted: { atMs: number; messages: number; bytes: number }[] = [];
  readonly #waiting: Kept[] = [];
  #bytes = 0;

  constructor(waiting: readonly Kept[], senders = 1) {
    this.add(waiting);
    this.pace = new Pace(() => senders);
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(more: readonly Kept[]): void {
    this.#waiting.push(...more);
    for (const each of more) this.#bytes += each.bytes.length;
  }

  step(nowMs: number): void {
    this.pace.advance(nowMs, this.#bytes);
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.pace.admits({ ...entry, ...next }, this.#bytes)) return;
      this.#waiting.shift();
      this.#bytes -= next.bytes.length;
      this.admitted.push({ atMs: nowMs, messages: next.commands, bytes: next.bytes.length });
    }
  }

  /** @param each is called before each step @returns when nothing waits any more */
  run(fromMs: number, toMs: number, each: (nowMs: number) => void = () => {}): number {
    for (let nowMs = fromMs; nowMs <= toMs; nowMs += stepMs) {
      each(nowMs);
      this.step(nowMs);
      if (this.#waiting.length === 0) return nowMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Most messages, or bytes, that were admitted in so long. @param fromMs only what was admitted from then on */
  mostIn(ms: number, of: 'messages' | 'bytes' = 'messages', fromMs = 0): number {
    const steps = new Map<number, number>();
    for (const each of this.admitted) steps.set(each.atMs, (steps.get(each.atMs) ?? 0) + each[of]);
    const times = [...steps.keys()].filter(atMs => atMs >= fromMs);
    const sumFrom = (sinceMs: number) =>
      times.reduce((sum, atMs) => sum + (atMs >= sinceMs && atMs < sinceMs + ms ? (steps.get(atMs) ?? 0) : 0), 0);
    return Math.max(...times.map(sumFrom));
  }
}

/** Kept at this rate. */
function kept(fromMs: number, toMs: number, perSecond: number, each: Partial<Kept> = {}): Kept[] {
  const count = Math.round(((toMs - fromMs) / 1_000) * perSecond);
  return Array.from({ length: count }, (_, index) => ({
    ...{ addedAtMs: fromMs + (index * 1_000) / perSecond, commands: 1, bytes: oneHundred },
    ...each,
  }));
}

/** Load of this rate, beside the steps. */
function load(backlog: Backlog, perSecond: number) {
  return (nowMs: number) => backlog.add(kept(nowMs - stepMs, nowMs, perSecond));
}

describe('[CL-024] what was kept for 10 s', () => {
  test('is sent twice as fast as it came, with what comes meanwhile; it takes as long as it was kept', () => {
    const backlog = new Backlog(kept(0, 10_000, 1_000));
    const endMs = backlog.run(10_000, 30_000, load(backlog, 1_000));
    expect(endMs).toBeGreaterThan(18_000);
    expect(endMs).toBeLessThanOrEqual(20_000);
    expect(backlog.mostIn(1_000)).toBeLessThanOrEqual(2_300);
  });

  test.each([1, 2, 7])('is sent at 400 messages a second by all of %i nodes, when that is more', senders => {
    const backlog = new Backlog(kept(0, 10_000, 100 / senders), senders);
    const endMs = backlog.run(10_000, 30_000, load(backlog, 100 / senders));
    expect(endMs).toBeGreaterThan(11_500);
    expect(endMs).toBeLessThan(13_500);
    expect(backlog.mostIn(1_000) * senders).toBeLessThanOrEqual(600 + senders);
    expect(backlog.mostIn(1_000, 'messages', 11_100) * senders).toBeLessThanOrEqual(420 + senders);
  });

  test.each([
    [400, 1_000],
    [600, 5_000],
  ])('comes in bursts if it came so: of %i every %i ms, less than 1,000 in a second', (messages, everyMs) => {
    const bursts = Array.from({ length: 10 }, (_, index) =>
      kept(index * everyMs, index * everyMs + 10, messages * 100),
    );
    const backlog = new Backlog(bursts.flat());
    const fromMs = 10 * everyMs;
    expect(backlog.run(fromMs, 100_000)).toBeLessThanOrEqual(fromMs + 11_000);
    expect(backlog.mostIn(950)).toBeLessThan(1_000);
  });

  test('does not wait longer because little came before', () => {
    const backlog = new Backlog([...kept(0, 600_000, 1), ...kept(600_000, 610_000, 1_000)]);
    expect(backlog.run(610_000, 700_000, load(backlog, 1_000))).toBeLessThanOrEqual(624_000);
    expect(backlog.mostIn(1_000)).toBeLessThanOrEqual(2_300);
  });

  test('has an end, also when the load is many times higher; no more than at the beginning ever waits', () => {
    const backlog = new Backlog(kept(0, 10_000, 200));
    const before = backlog.size;
    backlog.step(10_000);
    let most = 0;
    const add = load(backlog, 5_000);
    const endMs = backlog.run(10_050, 30_000, nowMs => {
      most = Math.max(most, backlog.size);
      add(nowMs);
    });
    expect(endMs).toBeLessThanOrEqual(20_000);
    expect(most).toBeLessThanOrEqual(before);
  });

  test('counts by its bytes where these are more', () => {
    const mebibyte = 1024 * 1024;
    const backlog = new Backlog(kept(0, 10_000, 1, { bytes: Buffer.alloc(mebibyte) }));
    backlog.run(10_000, 30_000);
    expect(backlog.size).toBe(0);
    expect(backlog.mostIn(1_000, 'bytes')).toBeLessThanOrEqual(9 * mebibyte);
  });

  test('counts by its messages where envelopes have several', () => {
    const backlog = new Backlog(kept(0, 10_000, 2, { commands: 50 }));
    backlog.run(10_000, 30_000);
    expect(backlog.size).toBe(0);
    expect(backlog.mostIn(1_000)).toBeLessThanOrEqual(600);
  });

  test('with more in one envelope than may be sent in any case is sent as it came', () => {
    const backlog = new Backlog(kept(0, 10_000, 1, { commands: 256 }), 4);
    const endMs = backlog.run(10_000, 30_000);
    expect(endMs).toBeLessThanOrEqual(20_000);
    expect(backlog.mostIn(450)).toBe(256);
  });
});

test('[cluster 3.5] a small backlog is sent at once; nothing is held back where there is none', () => {
  const small = new Backlog(kept(0, 100, 1_000), 2);
  expect(small.run(100, 100)).toBe(100);
  const none = new Backlog([]);
  none.step(0);
  none.add(kept(0, 1_000, 2_000));
  none.step(1_000);
  expect(none.admitted).toHaveLength(2_000);
});

test('[cluster 3.5] what the server had confirmed before is sent at once, and does not count as late', () => {
  const confirmed = kept(0, 1_000, 1_000, { addedAtMs: Number.NEGATIVE_INFINITY });
  const backlog = new Backlog([...confirmed, ...kept(1_000, 1_500, 1_000)]);
  backlog.step(1_500);
  expect(backlog.admitted.length).toBeGreaterThanOrEqual(1_000);
  expect(backlog.admitted.length).toBeLessThanOrEqual(1_201);
  expect(backlog.run(1_550, 3_000, load(backlog, 1_000))).toBeLessThanOrEqual(2_000);
});

test('[cluster 3.5] after a stall of the process no more is sent than would have come meanwhile, and a quarter of a second', () => {
  const backlog = new Backlog(kept(0, 10_000, 1_000));
  backlog.step(10_000);
  const before = backlog.admitted.length;
  backlog.step(13_000);
  const sent = backlog.admitted.length - before;
  expect(sent).toBeGreaterThan(3_000);
  expect(sent).toBeLessThanOrEqual(3_250 + 200);
});

test('[cluster 3.5] in a hurry all is sent', () => {
  const backlog = new Backlog(kept(0, 10_000, 1_000));
  backlog.pace.hurry();
  backlog.step(10_000);
  expect(backlog.size).toBe(0);
});
