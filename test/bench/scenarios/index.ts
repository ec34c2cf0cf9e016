import { cluster } from './cluster/index.js';
import { connect } from './connect.js';
import { clientEvent } from './event.js';
import { fanout, protocols } from './fan-out.js';
import { growth } from './growth.js';
import { hanging } from './hanging.js';
import { idle } from './idle.js';
import { outbox } from './outbox.js';
import { pusher } from './pusher.js';
import { rest } from './rest.js';
import type { Scenario } from './scenario.js';
import { slowReader } from './slow-reader.js';
import { smallGroups } from './small-groups.js';
import { vendor } from './vendor.js';
import { webhooks } from './webhooks.js';

/** In the order in which they run. A new scenario is one file and one line here. */
export const scenarios: readonly Scenario[] = [
  fanout,
  protocols,
  pusher,
  smallGroups,
  clientEvent,
  rest,
  outbox,
  webhooks,
  connect,
  idle,
  growth,
  slowReader,
  hanging,
  vendor,
  ...cluster,
];
