import type { Clock } from '../clock.js';

/** What a connection to NATS is used for: each is one of its own, so that traffic never delays a lease. [CL-011] */
export type LinkPurpose = 'bus' | 'store' | 'outbox' | 'config';

/** What a user may do with a subject, or may not. */
export type Operation = 'subscribe' | 'publish';

/** What happens between this node and NATS. `server` is `host:port`; no text contains a secret. */
export type NatsEvent =
  | { readonly kind: 'connected'; readonly purpose: LinkPurpose; readonly server: string }
  /** The connection is gone; others are tried from now on. */
  | { readonly kind: 'lost'; readonly purpose: LinkPurpose; readonly server: string; readonly reason: string }
  /** Not connected, and an attempt has failed: told once for each server and reason in a row. */
  | { readonly kind: 'unreachable'; readonly purpose: LinkPurpose; readonly server: string; readonly reason: string }
  /** The server is about to stop: the node goes elsewhere, and then leaves it. [CL-016] */
  | { readonly kind: 'leaving'; readonly purpose: LinkPurpose; readonly server: string }
  /** What has arrived is no message of this cluster, `count` times since it was told last: told at most once a minute. */
  | { readonly kind: 'dropped'; readonly subject: string; readonly reason: string; readonly count: number }
  /** The store has not done what it was requested to; it is requested again. */
  | { readonly kind: 'unanswered'; readonly what: string; readonly reason: string }
  /**
   * This user may not subscribe or publish to these subjects; it should be permitted `permit`. `isExcluded`: this node takes no part
   * in its cluster until it may.
   */
  | {
      readonly kind: 'refused';
      readonly operation: Operation;
      readonly subjects: string;
      readonly permit: string;
      readonly isExcluded: boolean;
    }
  /** A stream has more replicas than before: so many. */
  | { readonly kind: 'raised'; readonly stream: string; readonly replicas: number }
  /** It may do what was refused, and takes part. */
  | { readonly kind: 'permitted' }
  /** For the operator: each text is told once. */
  | { readonly kind: 'warned'; readonly text: string }
  /** A fault of this program. */
  | { readonly kind: 'fault'; readonly where: string; readonly error: unknown };

/** What the parts of the room are given: one object for all links of a node. */
export class NatsParts {
  readonly clock: Clock;
  /** Monotonic: when a wait for more servers of the cluster has ended in vain; undefined: none has. */
  missedServersMs: number | undefined;
  readonly #tell: (event: NatsEvent) => void;
  readonly #warnings = new Set<string>();

  constructor(clock: Clock, tell: (event: NatsEvent) => void) {
    this.clock = clock;
    this.#tell = tell;
  }

  tell(event: NatsEvent): void {
    if (event.kind === 'warned') {
      if (this.#warnings.has(event.text)) return;
      this.#warnings.add(event.text);
    }
    this.#tell(event);
  }
}
