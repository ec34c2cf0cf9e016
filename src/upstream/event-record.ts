import type { EventKind } from '../hub/facts.js';

/**
 * A notification as it is stored: the event, without secrets and without what its headers are made from at each attempt. A
 * signature, a token and the handler's URL are those of the attempt. Cookies are not stored.
 */
export interface EventRecord {
  /** Canonical. */
  readonly hub: string;
  readonly connectionId: string;
  readonly kind: EventKind;
  readonly name: string;
  /** `ce-id`: the same in each attempt. */
  readonly id: number;
  /** `ce-time`, of when it was raised. */
  readonly time: string;
  readonly userId: string | undefined;
  readonly subprotocol: string | undefined;
  /** `ce-connectionState` of when it was raised. */
  readonly state: string | undefined;
  readonly contentType: string;
  /** JSON text. */
  readonly body: string;
  /** Of the handler, among those that share its queue. Added when it is stored. */
  readonly variant?: string | undefined;
}
