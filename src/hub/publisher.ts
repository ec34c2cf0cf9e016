import type { Clock } from '../clock.js';
import { type ConnectionFilter, compileFilter } from '../filter/filter.js';
import type { DataMessage, PublishedMessage } from '../protocols/messages.js';
import type { SendOptions } from './call-options.js';
import { type Command, notAccepted, type Target } from './commands.js';
import type { PendingSends } from './delivery/pending-sends.js';
import type { FactConnection, Published } from './facts.js';
import type { Backplane, GroupBridge, Publication } from './ports.js';
import type { Watches } from './watches.js';

type Keep = (group: string, message: DataMessage, ttlMs: number) => void;

/** Sends messages to a target's connections: those of this node, and through the backplane those of the others. */
export class Publisher {
  readonly #sends: PendingSends;
  readonly #clock: Clock;
  readonly #backplane: Backplane;
  readonly #watches: Watches;
  readonly #keep: Keep;
  /** Undefined: nothing of this hub goes anywhere else. Hot path: read for each message. */
  bridge: GroupBridge | undefined;

  /** @param keep called for each message that its group keeps */
  constructor(sends: PendingSends, clock: Clock, backplane: Backplane, watches: Watches, keep: Keep) {
    this.#keep = keep;
    this.#sends = sends;
    this.#clock = clock;
    this.#backplane = backplane;
    this.#watches = watches;
  }

  /**
   * At most once, in the order of the calls.
   * @param by the client that publishes it; undefined: the app server
   * @throws PubSubError `invalid` for a filter that does not compile, `unknown` when it was not accepted: no connection gets it then
   */
  send(target: Target, message: PublishedMessage, options?: SendOptions, by?: FactConnection): void {
    if (this.offer(target, message, options, by) === 'shed') throw notAccepted();
  }

  /** As `send`, for callers that go on when it was not accepted. */
  offer(target: Target, message: PublishedMessage, options: SendOptions = {}, by?: FactConnection): Publication {
    const { excluded = [], filter, ttlSeconds = 0, keptMs, onDelivered } = options;
    const accepts = filter === undefined ? undefined : compileFilter(filter);
    const command = { kind: 'send', message, excluded, filter, ttlSeconds, keptMs } as const;
    if (this.#backplane.publish(target, command) === 'shed') return 'shed';
    this.#deliver(target, command, accepts, onDelivered);
    if (this.#watches.isActive) this.#watches.published(publishedOf(target, message, by));
    if (this.bridge !== undefined) this.#passOn(this.bridge, target, message, options, by);
    return 'accepted';
  }

  /** What was passed on to this hub stays here: no message comes back. */
  #passOn(
    bridge: GroupBridge,
    { scope }: Target,
    message: PublishedMessage,
    options: SendOptions,
    by: FactConnection | undefined,
  ): void {
    if (message.kind === 'groupMessage' && scope === 'group' && options.isPassedOn !== true) {
      bridge.published(message, options, by);
    }
  }

  /** To connections of this node only. */
  sendHere(target: Target, command: Command & { kind: 'send' }): void {
    const { filter } = command;
    this.#deliver(target, command, filter === undefined ? undefined : compileFilter(filter), undefined);
  }

  #deliver(
    target: Target,
    { message, excluded, ttlSeconds, keptMs }: Command & { kind: 'send' },
    accepts: ConnectionFilter | undefined,
    onDelivered: SendOptions['onDelivered'],
  ): void {
    if (keptMs !== undefined && message.kind === 'groupMessage') this.#keep(message.group, message, keptMs);
    const expiresAtMs = ttlSeconds === 0 ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + ttlSeconds * 1000;
    this.#sends.add(target, { excluded, accepts }, { message, expiresAtMs, onDelivered });
  }
}

function publishedOf(target: Target, message: PublishedMessage, by: FactConnection | undefined): Published {
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
