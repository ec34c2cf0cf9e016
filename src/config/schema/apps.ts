import { type TProperties, Type } from '@sinclair/typebox';
import { bridgeDirections, defaultEvent } from '../../bridges/rules.js';
import { listOf, oneOf, optional, plainText, record } from './fields.js';
import { urlToken } from './patterns.js';
import { appEndpoint, batching, linger } from './webhooks.js';

/** Of settings that are left out. [Pusher › limits] */
export const appDefaults = {
  clientEventsPerSecond: 10,
  channelsPerConnection: 10_000,
  presenceMembers: 100,
  presenceMemberKb: 1,
  channelNameLength: 200,
  eventChannels: 100,
  eventNameLength: 200,
  eventDataKb: 10,
  batchEvents: 10,
  authorizationTimeoutSeconds: 30,
} as const;

const key = plainText({ pattern: urlToken, description: 'Key of the app, which clients connect with.' });
const secret = plainText({
  minLength: 1,
  description: 'Secret that belongs to the key: it signs and checks requests, subscriptions and webhooks.',
});

const keys = Type.Array(
  record(
    {
      key,
      secret,
      created_at: optional(
        Type.String({
          format: 'instant',
          description: 'Since when the key exists, such as 2026-11-28T12:00:00Z. Default: before all that have a time.',
        }),
      ),
      active: optional(Type.Boolean({ default: true, description: 'false: the key is refused.' })),
    },
    { description: 'One of several keys.' },
  ),
  {
    minItems: 1,
    description: 'Keys of an app that has several, in place of key and secret. The oldest active one signs webhooks.',
  },
);

/** `0` and `-1` mean no limit, as in Sockudo and in soketi. */
function rate(description: string, fallback?: number) {
  const shown = fallback === undefined ? {} : { default: fallback };
  const note = `${description} 0 or -1: unlimited.${fallback === undefined ? ' Default: unlimited.' : ''}`;
  return optional(Type.Integer({ minimum: -1, ...shown, description: note }));
}

function most(maximum: number, fallback: number, description: string) {
  return optional(Type.Integer({ minimum: 1, maximum, default: fallback, description }));
}

function kilobytes(maximum: number, fallback: number, description: string) {
  return optional(Type.Number({ exclusiveMinimum: 0, maximum, default: fallback, description }));
}

/** In `policy.limits` too. */
const limits = {
  max_connections: rate('Maximum number of connections.'),
  max_channels_per_connection: rate('Maximum number of channels of one connection.', appDefaults.channelsPerConnection),
  max_client_events_per_second: rate('Client events per second of one connection.', appDefaults.clientEventsPerSecond),
  max_backend_events_per_second: rate('Events per second that are published over the HTTP API.'),
  max_messages_per_day: rate(
    'Messages per day, from 00:00 UTC, above which events of the HTTP API are refused with 403. An event counts once for each channel that it is published to, and once for each connection that receives it.',
  ),
  max_read_requests_per_second: rate('Reading requests per second of the HTTP API.'),
  max_presence_members_per_channel: most(
    100_000,
    appDefaults.presenceMembers,
    'Maximum number of members of a presence channel.',
  ),
  max_presence_member_size_in_kb: kilobytes(
    1_024,
    appDefaults.presenceMemberKb,
    'Maximum size of the data of a member, in KiB.',
  ),
  max_channel_name_length: most(
    200,
    appDefaults.channelNameLength,
    "Maximum number of characters of a channel's name.",
  ),
  max_event_channels_at_once: most(
    10_000,
    appDefaults.eventChannels,
    'Maximum number of channels of one event of the HTTP API.',
  ),
  max_event_name_length: most(200, appDefaults.eventNameLength, "Maximum number of characters of an event's name."),
  max_event_payload_in_kb: kilobytes(16_384, appDefaults.eventDataKb, "Maximum size of an event's data, in KiB."),
  max_event_batch_size: most(1_000, appDefaults.batchEvents, 'Maximum number of events of one batch of the HTTP API.'),
} satisfies TProperties;

/** In `policy.features` too. */
const features = {
  enable_client_messages: optional(
    Type.Boolean({ default: false, description: 'Whether clients may send client events.' }),
  ),
  enable_user_authentication: optional(
    Type.Boolean({
      default: false,
      description:
        'Whether a connection is closed that has neither signed in nor joined a private or presence channel in time.',
    }),
  ),
  enable_watchlist_events: optional(
    Type.Boolean({ default: true, description: 'Whether users are told who of their watchlist is online.' }),
  ),
} satisfies TProperties;

/** In `policy.channels` too. */
const channels = {
  allowed_origins: optional(
    listOf(
      Type.String({
        format: 'origin',
        minLength: 1,
        description:
          'An origin, such as https://app.example, app.example for any scheme, or *.app.example for subdomains.',
      }),
      {
        minItems: 1,
        description: 'Origins of web pages that may connect. Default: all.',
      },
    ),
  ),
} satisfies TProperties;

const webhooks = {
  webhooks: optional(Type.Array(appEndpoint, { description: 'Endpoints that receive events of the app as webhooks.' })),
} satisfies TProperties;

/** Of one app. */
const maxBridgeRules = 1_000;

const bridge = record(
  {
    group: Type.String({
      format: 'bridge-group',
      minLength: 1,
      description: 'A group of the hub, or a pattern with one * (any characters except dots) or ** (any characters).',
    }),
    channel: Type.String({
      format: 'bridge-channel',
      minLength: 1,
      description:
        'The channel that it is joined with: public, private, presence or cache. A wildcard stands for the same text as in group.',
    }),
    direction: optional(
      oneOf(bridgeDirections, {
        default: 'both',
        description:
          'Which way messages go. to_channel: from the group to the channel only. to_group: from the channel to the group only.',
      }),
    ),
    event: optional(
      Type.String({
        format: 'bridge-event',
        default: defaultEvent,
        description: 'Name of the event that a message of the group becomes.',
      }),
    ),
  },
  { description: 'Joins a group of the hub and a channel of the app.' },
);

const ofHub = {
  hub: optional(
    Type.String({
      minLength: 1,
      description: 'The hub that belongs to the app, one of `hubs`: for bridge and connect_handler.',
    }),
  ),
  connect_handler: optional(
    Type.Boolean({
      default: false,
      description:
        "Whether the event handlers of the hub receive connect, connected and disconnected of the app's clients.",
    }),
  ),
  bridge: optional(
    Type.Array(bridge, {
      maxItems: maxBridgeRules,
      description: 'Groups of the hub that are joined with channels of the app. Default: none.',
    }),
  ),
} satisfies TProperties;

/** The form of newer files of Sockudo: the same settings, one level below. */
const policy = record(
  {
    limits: optional(record(limits, { description: 'Limits of the app.' })),
    features: optional(record(features, { description: 'What the app offers.' })),
    channels: optional(record(channels, { description: 'Settings of channels.' })),
    ...webhooks,
  },
  { description: 'Settings of the app in the form of newer files of Sockudo: the keys of the app in groups.' },
);

const app = record(
  {
    id: plainText({ pattern: urlToken, description: 'Id of the app, in the paths of the HTTP API.' }),
    key: optional(key),
    secret: optional(secret),
    keys: optional(keys),
    enabled: optional(
      Type.Boolean({ default: true, description: 'false: connections and requests of the app are refused.' }),
    ),
    ...features,
    user_authentication_timeout: optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        default: appDefaults.authorizationTimeoutSeconds,
        description: 'Seconds that enable_user_authentication gives a connection.',
      }),
    ),
    enable_subscription_count: optional(
      Type.Boolean({
        default: false,
        description:
          'Whether subscribers of a channel, and webhooks that list subscription_count, get the number of subscribers.',
      }),
    ),
    ...channels,
    ...limits,
    ...ofHub,
    linger_ms: optional(linger),
    batching: optional(batching),
    ...webhooks,
    policy: optional(policy),
  },
  { description: 'An application of Pusher clients and servers.' },
);

/** `apps`: keys are those of Sockudo's configuration, so that its list can be pasted. (pusher-webhooks 1.1) */
export const apps = Type.Array(app, {
  description: 'Applications for clients and server libraries of Pusher. Default: none.',
});
