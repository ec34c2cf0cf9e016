import type { Load, Work } from '../load/slice.js';
import { inTurn } from './rooms.js';
import type { Contender } from './scenario.js';

/** Processes of each kind: more would take longer than they are worth. */
const processes = 2;

/**
 * Several processes of one kind as one contender, each with a part of every slice. Two processes of the same program
 * differ by up to 15 % for as long as they live, which would pass for a difference between the things that are compared.
 */
export async function fleetOf(open: () => Promise<Contender>): Promise<Contender> {
  const contenders = await inTurn(Array<typeof open>(processes).fill(open), openOne => openOne());
  const servers = contenders.map(({ server }) => server);
  return {
    name: contenders[0]!.name,
    server: {
      cpuSeconds: () => sum(servers.map(server => server.cpuSeconds())),
      residentBytes: () => sum(servers.map(server => server.residentBytes())) / servers.length,
    },
    load: sharedBy(contenders.map(({ load }) => load)),
  };
}

function sharedBy(loads: readonly Load[]): Load {
  return {
    async run(durationMs: number): Promise<Work> {
      const works: Work[] = [];
      for (const load of loads) works.push(await load.run(durationMs / loads.length));
      return { done: sum(works.map(({ done }) => done)), latenciesMs: works.flatMap(({ latenciesMs }) => latenciesMs) };
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
