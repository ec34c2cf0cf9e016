import { defaultConnectsInFlight, defaultMaxConcurrent } from '../egress/lanes.js';

/** System events that an event handler can subscribe to. [upstream-events 1.1] */
export const systemEvents = ['connect', 'connected', 'disconnected'] as const;
export type SystemEvent = (typeof systemEvents)[number];

/** Group events that a handler can receive. [upstream-events 2.9] */
export const presenceEvents = ['joined', 'left'] as const;
export type PresenceEvent = (typeof presenceEvents)[number];

export interface GroupPresenceOptions {
  readonly eventNames: readonly PresenceEvent[];
  /** Patterns of group names, as in roles; none: all groups. */
  readonly groupFilters: readonly string[];
}

/** How requests authenticate to the upstream, besides `ce-signature` and a `?code=` in the URL. [upstream-events 6.1] */
export type HandlerAuth =
  | { readonly type: 'None' }
  /** `resource` is the audience of the Entra ID token. */
  | { readonly type: 'ManagedIdentity'; readonly resource: string };

/** Where the value of an environment variable is in a text: from `start` up to, not including, `end`. */
export interface Insertion {
  readonly start: number;
  readonly end: number;
}

/** One entry of `eventHandlers`, validated and with its environment variables filled in. [upstream-events 5.1] */
export interface EventHandlerOptions {
  readonly urlTemplate: string;
  /** Parts of it that no log may show, unless they name the host. */
  readonly insertions?: readonly Insertion[] | undefined;
  readonly systemEvents: readonly SystemEvent[];
  /** `*`, one name, or a comma list; undefined: no user events. */
  readonly userEventPattern: string | undefined;
  /** Undefined: no events of groups. */
  readonly groupPresenceEvents?: GroupPresenceOptions | undefined;
  /** `connected`, `disconnected`, `joined` and `left` go through the outbox. Otherwise they are sent at once. */
  readonly isDurable?: boolean | undefined;
  readonly auth: HandlerAuth;
}

/** A hub's event handlers, in the order in which they are tried. */
export interface HubHandlers {
  /** As spelled in hubs.yaml; `ce-hub` and `{hub}` use this spelling. [upstream-events D38] */
  readonly hub: string;
  readonly eventHandlers: readonly EventHandlerOptions[];
}

/** How events are delivered. Defaults are those of upstream-events 7.1. */
export interface DeliveryOptions {
  /** For one event, retries and waits included, until the response's headers. */
  readonly timeoutMs: number;
  /** Waits before the second and later attempts. */
  readonly retryDelaysMs: readonly number[];
  readonly maxResponseBytes: number;
  /** Accept one `WebHook-Allowed-Origin` line with a comma-separated list. [upstream-events D5] */
  readonly lenientOriginList: boolean;
  /** Requests under way to one origin at the same time; those beyond wait. */
  readonly maxConcurrentPerUpstream: number;
  /** `connect` events among them, of all hubs. [cluster 9] */
  readonly connectsInFlight: number;
  /** `WebHook-Request-Origin` names a port that is not the scheme's own. [upstream-events 4.2] */
  readonly originWithPort: boolean;
}

export const defaultDelivery: DeliveryOptions = {
  timeoutMs: 100_000,
  retryDelaysMs: [1_000, 3_000, 5_000],
  maxResponseBytes: 16 * 1024 * 1024,
  lenientOriginList: false,
  maxConcurrentPerUpstream: defaultMaxConcurrent,
  connectsInFlight: defaultConnectsInFlight,
  originWithPort: false,
};
