import type { Clock } from '../clock.js';
import { compileFilter } from '../filter/filter.js';
import type { NumberedMessage } from '../protocols/messages.js';
import type { PendingSends } from './delivery/pending-sends.js';
import type { FactConnection, Published } from './facts.js';
import type { Backplane, Operation, Target } from './ports.js';
import type { Watches } from './watches.js';

export interface SendOptions {
  /** Connection ids that do not get the message. */
  readonly excluded?: readonly string[];
  /** Only connections that it accepts get the message. [rest-api 4] */
  readonly filter?: string | undefined;
  /** Seconds for which the message may wait for a client that is away; 0, the default: for ever. */
  readonly ttlSeconds?: number;
  /** Called with the number of connections of this node that the message was written to: by the end of the turn. */
  readonly onDelivered?: ((receivers: number) => void) | undefined;
}

/** Sends messages to a target's connections: those of this node, and through the backplane those of the others. */
export class Publisher {
  readonly #sends: PendingSends;
  readonly #clock: Clock;
  readonly #backplane: Backplane;
  readonly #watches: Watches;

  constructor(sends: PendingSends, clock: Clock, backplane: Backplane, watches: Watches) {
    this.#sends = sends;
    this.#clock = clock;
    this.#backplane = backplane;
    this.#watches = watches;
  }

  /**
   * At most once, in the order of the calls.
   * @param by the client that publishes it; undefined: the app server
   * @throws PubSubError `invalid` for a filter that does not compile
   */
  send(target: Target, message: NumberedMessage, options: SendOptions = {}, by?: FactConnection): void {
    const { excluded = [], filter, ttlSeconds = 0, onDelivered } = options;
    const operation = { kind: 'send', message, excluded, filter, ttlSeconds } as const;
    this.sendHere(target, operation, onDelivered);
    if (this.#watches.isActive) this.#watches.published(publishedOf(target, message, by));
    this.#backplane.publish(target, operation);
  }

  /** To connections of this node only. @param onDelivered as in `SendOptions` */
  sendHere(
    target: Target,
    { message, excluded, filter, ttlSeconds }: Operation & { kind: 'send' },
    onDelivered?: (receivers: number) => void,
  ): void {
    const accepts = filter === undefined ? undefined : compileFilter(filter);
    const expiresAtMs = ttlSeconds === 0 ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + ttlSeconds * 1000;
    this.#sends.add(target, { excluded, accepts }, { message, expiresAtMs, onDelivered });
  }
}

function publishedOf(target: Target, message: NumberedMessage, by: FactConnection | undefined): Published {
  return { kind: 'published', hub: target.hub, scope: target.scope, to: nameOf(target), message, by };
}

function nameOf(target: Target): string {
  switch (target.scope) {
    case 'hub':
      return target.hub;
    case 'group':
      return target.group;
    case 'user':
      return target.userId;
    case 'connection':
      return target.connectionId;
  }
}
