import { alone } from './alone.js';
import { beside } from './beside.js';
import { connects } from './connects.js';
import { joins } from './joins.js';
import { ledger } from './ledger.js';
import { spread } from './spread.js';
import { subscriptions } from './subscriptions.js';
import { takeover } from './takeover.js';
import { workers } from './workers.js';

/** Several nodes on NATS; `--only cluster` runs all of them. */
export const cluster = [alone, spread, beside, subscriptions, joins, connects, workers, takeover, ledger] as const;
