import { setTimeout as delay } from 'node:timers/promises';

/** Sets the rate of the load. Ends early with the load; it is never what somebody waits for to have happened. */
export async function pace(ms: number, ending?: AbortSignal): Promise<void> {
  await delay(ms, undefined, ending && { signal: ending }).catch(() => {});
}
