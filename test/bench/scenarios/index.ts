import { connect } from './connect.js';
import { clientEvent } from './event.js';
import { fanout, protocols } from './fan-out.js';
import { growth } from './growth.js';
import { idle } from './idle.js';
import { outbox } from './outbox.js';
import { rest } from './rest.js';
import type { Scenario } from './scenario.js';
import { slowReader } from './slow-reader.js';
import { smallGroups } from './small-groups.js';
import { vendor } from './vendor.js';

/** In the order in which they run. A new scenario is one file and one line here. */
export const scenarios: readonly Scenario[] = [
  fanout,
  protocols,
  smallGroups,
  clientEvent,
  rest,
  outbox,
  connect,
  idle,
  growth,
  slowReader,
  vendor,
];
