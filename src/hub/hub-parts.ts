import type { Clock } from '../clock.js';
import type { MessageCache } from './features/cache.js';
import type { Backplane, GroupBridges, Ledger, Observer, ReconnectionTokens, Turn, Upstream } from './ports.js';
import type { Slices } from './slices.js';
import type { Watches } from './watches.js';

/** What every hub of the service shares. */
export interface HubPorts {
  readonly upstream: Upstream;
  readonly backplane: Backplane;
  readonly observer: Observer;
  readonly watches: Watches;
  readonly clock: Clock;
  readonly turn: Turn;
  /** One for all hubs: together they take one share of a turn. */
  readonly slices: Slices;
  readonly reconnectionTokens: ReconnectionTokens;
  /** Gives ids to connections whose client brings none: 31 characters of [A-Za-z0-9_-]. Left out: random ones. [rest-api 2.0] */
  readonly newConnectionId?: (() => string) | undefined;
  /** What is kept for other nodes; none when this node is alone. */
  readonly ledger?: Ledger | undefined;
  /** None when left out. */
  readonly bridges?: GroupBridges | undefined;
  /** How long a disconnected reliable session is kept; read when one is suspended. */
  readonly recoveryWindowMs: () => number;
  /** Read at each failure: a reload applies to open connections. */
  readonly dropsOnEventFailure: () => boolean;
  /** Most memberships, connections × groups, that one call may make; read at each call. */
  readonly membershipsPerCall: () => number;
}

/** And what the hubs make for all of them. */
export interface HubParts extends HubPorts {
  readonly cache: MessageCache;
}
