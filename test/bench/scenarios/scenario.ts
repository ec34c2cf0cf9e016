import type { Load } from '../load/slice.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';

/** A server and what drives it. */
export interface Contender {
  readonly server: ServerProcess;
  readonly load: Load;
}

/** Two servers that do the same work; the ratio is Hubwire's to the minimal loop's. */
export interface Pair {
  readonly hubwire: Contender;
  readonly minimal: Contender;
}

/** One line of the result. */
export interface Series {
  /** What is special about it, e.g. `16 in flight`. */
  readonly name: string;
  /** Starts both servers and connects their clients. The stage ends what was started on it. */
  open(stage: Stage): Promise<Pair>;
}

export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  /** What is done, for people. */
  readonly title: string;
  /** What is counted: `deliveries`. */
  readonly unit: string;
  readonly series: readonly Series[];
}
