import { expect, test } from 'vitest';
import { simulate } from '../../support/simulation/run.js';

const seeds = 200;

/** `npm run simulate -- --seed N` repeats one of them. */
test(`[CL-058] ${seeds} runs of several nodes: one disconnected for each connected, none acts beside its heir, no ghosts`, {
  timeout: 120_000,
}, async () => {
  let connections = 0;
  let takenOver = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const outcome = await simulate(seed);
    expect(outcome.faults, `seed ${seed}`).toEqual([]);
    connections += outcome.connections;
    takenOver += outcome.takenOver;
  }
  expect(connections).toBeGreaterThan(5_000);
  expect(takenOver).toBeGreaterThan(500);
});
