import type { Load, Work } from '../load/slice.js';
import type { Measured } from '../servers/server-process.js';
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
  const servers = sumOf(contenders.map(({ server }) => server));
  const nats = contenders.flatMap(contender => contender.nats ?? []);
  return {
    name: contenders[0]!.name,
    processes: sum(contenders.map(contender => contender.processes ?? 1)),
    server: { ...servers, residentBytes: () => servers.residentBytes() / processes },
    ...(nats.length > 0 ? { nats: sumOf(nats) } : {}),
    load: sharedBy(contenders.map(({ load }) => load)),
  };
}

/** Several processes as one. */
export function sumOf(servers: readonly Measured[]): Measured {
  return {
    cpuSeconds: () => sum(servers.map(server => server.cpuSeconds())),
    residentBytes: () => sum(servers.map(server => server.residentBytes())),
  };
}

function sharedBy(loads: readonly Load[]): Load {
  return {
    async prepare(): Promise<void> {
      for (const load of loads) await load.prepare?.();
    },
    async run(durationMs: number): Promise<Work> {
      const works: Work[] = [];
      for (const load of loads) works.push(await load.run(durationMs / loads.length));
      return joined(works);
    },
  };
}

/** All loads at the same time, on the same servers. */
export function atOnce(loads: readonly Load[]): Load {
  return { run: async durationMs => joined(await Promise.all(loads.map(load => load.run(durationMs)))) };
}

function joined(works: readonly Work[]): Work {
  return { done: sum(works.map(({ done }) => done)), latenciesMs: works.flatMap(({ latenciesMs }) => latenciesMs) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
