import { setTimeout } from 'node:timers/promises';

const lookMs = 20;

/** Closes an outbox once everything in it is delivered or dead. */
export async function drain(outbox) {
  for (;;) {
    const depths = (await outbox.status()).map(({ depth }) => depth.ready + depth.delayed + depth.inFlight);
    if (depths.every(depth => depth === 0)) break;
    await setTimeout(lookMs);
  }
  await outbox.close();
}
