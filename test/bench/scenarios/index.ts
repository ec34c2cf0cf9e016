import { clientEvent } from './event.js';
import { fanout } from './fanout.js';
import type { Scenario } from './scenario.js';

/** In the order in which they run. A new scenario is one file and one line here. */
export const scenarios: readonly Scenario[] = [fanout, clientEvent];
