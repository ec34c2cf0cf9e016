import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlushWindow } from '../../../src/nats/flush-window.js';
import { ManualClock } from '../../support/manual-clock.js';

const mib = 1_024 * 1_024;

/** Answers flushes when it is told to. */
class Server {
  readonly flushes: (() => void)[] = [];
  flush(): Promise<void> {
    return new Promise(resolve => void this.flushes.push(resolve));
  }
  async answer(): Promise<void> {
    this.flushes.shift()?.();
    await setImmediate();
  }
}

function newWindow(): { clock: ManualClock; window: FlushWindow; server: Server; confirmed: number[] } {
  const clock = new ManualClock();
  const window = new FlushWindow(clock);
  const [server, confirmed]: [Server, number[]] = [new Server(), []];
  window.onConfirmed = position => void confirmed.push(position);
  window.use(server);
  return { clock, window, server, confirmed };
}

describe('[CL-013] a flush window', () => {
  test('takes 8 MiB that no flush has confirmed, and not one byte more', async () => {
    const { window, server, confirmed } = newWindow();
    for (let count = 0; count < 8; count += 1) {
      expect(window.fits(mib)).toBe(true);
      window.add(mib);
    }
    expect(window.fits(1)).toBe(false);
    expect(server.flushes).toHaveLength(8);
    await server.answer();
    expect(confirmed).toEqual([mib]);
    expect([window.fits(mib), window.fits(mib + 1)]).toEqual([true, false]);
  });

  test('flushes what is less than 1 MiB after 100 ms, once', async () => {
    const { clock, window, server, confirmed } = newWindow();
    window.add(10);
    window.add(20);
    clock.advance(99);
    expect(server.flushes).toHaveLength(0);
    clock.advance(1);
    expect(server.flushes).toHaveLength(1);
    await server.answer();
    expect(confirmed).toEqual([30]);
    clock.advance(10_000);
    expect([server.flushes.length, clock.pending]).toEqual([0, 0]);
  });

  test('takes a message of any size when nothing waits', async () => {
    const { window, server } = newWindow();
    expect(window.fits(64 * mib)).toBe(true);
    window.add(64 * mib);
    expect(window.fits(1)).toBe(false);
    await server.answer();
    expect(window.fits(1)).toBe(true);
  });

  test('goes back to what is confirmed on another connection; answers of the one before no longer count', async () => {
    const { window, server, confirmed } = newWindow();
    window.add(mib);
    await server.answer();
    window.add(2 * mib);
    window.use(undefined);
    expect(window.fits(1)).toBe(false);
    const next = new Server();
    window.use(next);
    expect([window.given, window.confirmed]).toEqual([mib, mib]);
    window.add(3 * mib);
    await server.answer();
    expect(confirmed).toEqual([mib]);
    await next.answer();
    expect(confirmed).toEqual([mib, 4 * mib]);
  });

  test('leaves no timer behind when its connection ends', () => {
    const { clock, window } = newWindow();
    window.add(10);
    window.use(undefined);
    expect(clock.pending).toBe(0);
  });

  test('never has more than 8 MiB waiting, and confirms everything in the end', async () => {
    const sizes = fc.integer({ min: 1, max: 2 * mib });
    const step = fc.oneof(sizes, fc.constant('answer'), fc.constant('pass'));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
        const { clock, window, server } = newWindow();
        for (const next of steps) {
          if (next === 'answer') await server.answer();
          else if (next === 'pass') clock.advance(40);
          else if (window.fits(Number(next))) window.add(Number(next));
          expect(window.given - window.confirmed).toBeLessThanOrEqual(8 * mib);
        }
        clock.advance(100);
        while (server.flushes.length > 0) await server.answer();
        expect(window.confirmed).toBe(window.given);
      }),
      { numRuns: 50 },
    );
  });
});
