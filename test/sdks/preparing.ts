import type { Command, Suite } from './suites.js';

/** At a time. Installing waits for the network about as long as it computes. */
const laneCount = 3;

/**
 * Installs and builds what the suites need, before the first of them runs: several at a time, those of one language one after the
 * other, since not every tool can share its folder.
 * @returns for each suite the command that runs it, or the reason why there is none
 */
export async function prepareAll(suites: readonly Suite[]): Promise<ReadonlyMap<Suite, Promise<Command>>> {
  const lanes: Promise<unknown>[] = Array.from({ length: laneCount }, () => Promise.resolve());
  const laneOf = new Map<string, number>();
  const commands = new Map<Suite, Promise<Command>>();
  for (const suite of suites) {
    const lane = laneOf.get(suite.language) ?? laneOf.size % laneCount;
    laneOf.set(suite.language, lane);
    const command = (lanes[lane] as Promise<unknown>).then(() => suite.prepare());
    commands.set(suite, command);
    lanes[lane] = command.catch(() => {}); // whoever runs the suite is told
  }
  await Promise.all(lanes);
  return commands;
}
