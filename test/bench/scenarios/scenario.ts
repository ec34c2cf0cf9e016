import type { Load } from '../load/slice.js';
import type { Measured, ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';

/** A server and what drives it. */
export interface Contender {
  /** `hubwire`, `minimal loop`, a peer's name, or what is special about this Hubwire. */
  readonly name: string;
  readonly server: Measured;
  /** Of how many processes it consists, which all have to warm up; one where left out. */
  readonly processes?: number;
  /** The nats-server that it uses. Its processor time is shown, and is not part of any ratio. */
  readonly nats?: Measured;
  readonly load: Load;
  /** What its connections, or its groups, cost in memory, where that is measured: a server's resident bytes before the first one. */
  readonly idle?: { readonly connections: number; readonly bytesBefore: number };
}

/** A contender that is one process. */
export type OneServer = Contender & { readonly server: ServerProcess };

/** Servers that do the same work side by side. */
export interface Contest {
  /** Hubwire, which is judged. */
  readonly subject: Contender;
  /**
   * What it is held against: the least code that does the same I/O, or Hubwire itself without what is to cost nothing.
   * Undefined where only the absolute figure says something.
   */
  readonly limit?: Contender;
  /** Other products. */
  readonly peers?: readonly Contender[];
  /** What else must hold once the rounds are over. @throws Error when it does not */
  check?(): Promise<void>;
}

/** A figure that two servers are compared by. */
export type Metric = 'perCpuSecond' | 'cpuMicroseconds' | 'p50Ms' | 'p99Ms' | 'serverShare' | 'bytesPerConnection';

/** What the medians must reach. */
export interface Goal {
  readonly metric: Metric;
  /** A ratio of the subject's figure to the limit's or a peer's, taken within each round; or the subject's figure alone. */
  readonly against: 'limit' | 'alone' | `peer ${string}`;
  /** The subject's figure less the other's, in place of their ratio. */
  readonly isDifference?: boolean;
  readonly least?: number;
  readonly most?: number;
}

/** How many of the vendor's units the work equals, by its performance guide. */
export interface VendorUnit {
  /** What one unit does per second, in the scenario's unit of work. */
  readonly perSecond: number;
}

/** One line of the result. */
export interface Series {
  /** What is special about it, e.g. `16 in flight`. */
  readonly name: string;
  /** None where a series is for information. */
  readonly goals: readonly Goal[];
  readonly vendorUnit?: VendorUnit;
  /** Milliseconds; undefined: the usual length. */
  readonly sliceMs?: number;
  /** Milliseconds of processor time that each process gets before the first slice; undefined: one second. */
  readonly warmUpMs?: number;
  /** Short and telling enough for each change. */
  readonly isInSmoke?: boolean;
  /** Left out of a smoke also when its scenario is named. */
  readonly isLong?: boolean;
  /** All servers at once instead of in turn: for work that leaves the machine idle. */
  readonly isTogether?: boolean;
  /** Starts the servers and connects their clients. The stage ends what was started on it. */
  open(stage: Stage): Promise<Contest>;
}

export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  /** What is done, for people. */
  readonly title: string;
  /** What is counted: `deliveries`. */
  readonly unit: string;
  /** What it needs and this machine lacks, with how to get it; undefined: nothing. */
  missing?(): Promise<string | undefined>;
  readonly series: readonly Series[];
}

/** Against the minimal loop, work per CPU-second of the server. */
export function ofLimit(least: number): Goal {
  return { metric: 'perCpuSecond', against: 'limit', least };
}

export function ofPeer(name: string, least: number): Goal {
  return { metric: 'perCpuSecond', against: `peer ${name}`, least };
}
