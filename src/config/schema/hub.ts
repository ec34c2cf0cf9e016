import { Type } from '@sinclair/typebox';
import { presenceEvents, systemEvents } from '../../upstream/options.js';
import { nullable, oneOf, optional, record } from './fields.js';
import { hubEndpoint } from './webhooks.js';

export const defaultKeepAliveSeconds = 20;
/** Of one hub. */
export const maxHandlers = 500;
/** Of one event handler. */
const maxGroupFilters = 1_000;

const managedIdentity = record(
  {
    resource: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Application ID URI of the upstream, such as api://chat-backend. Becomes the audience of the token.',
      }),
    ),
  },
  { description: 'The token that is requested. Only with type ManagedIdentity.' },
);

const tokenNeedsAudience = {
  if: { type: 'object', properties: { type: { const: 'ManagedIdentity' } }, required: ['type'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: {
    type: 'object',
    required: ['managedIdentity'],
    properties: { managedIdentity: { type: 'object', required: ['resource'], properties: { resource: {} } } },
  },
};

/** Otherwise requests would go out without the token that the file seems to require. */
const audienceNeedsToken = {
  if: { type: 'object', properties: { type: { const: 'None' } } },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { type: 'object', properties: { managedIdentity: { type: 'null' } } },
};

const auth = record(
  {
    type: Type.Optional(
      oneOf(['None', 'ManagedIdentity'], {
        description: 'None: the request signature only. ManagedIdentity: also an Entra ID token in Authorization.',
        default: 'None',
      }),
    ),
    managedIdentity: Type.Optional(nullable(managedIdentity)),
  },
  {
    description: 'How requests authenticate to this upstream, in addition to their signature.',
    allOf: [tokenNeedsAudience, audienceNeedsToken],
  },
);

const groupPresenceEvents = record(
  {
    eventNames: Type.Optional(
      nullable(
        Type.Array(oneOf(presenceEvents, { description: 'A group event.' }), {
          uniqueItems: true,
          description: 'The group events that this handler receives. Default: none.',
        }),
      ),
    ),
    groupFilters: Type.Optional(
      nullable(
        Type.Array(
          Type.String({
            format: 'group-filter',
            description:
              'A group name or a pattern: * matches any characters except dots, ** any characters, ? one character except a dot.',
          }),
          {
            maxItems: maxGroupFilters,
            description: 'Group name patterns. Default, also when the list is empty: all groups.',
          },
        ),
      ),
    ),
  },
  { description: 'Which joins and leaves of groups this handler receives as events.' },
);

const eventHandler = record(
  {
    urlTemplate: Type.String({
      format: 'url-template',
      description:
        'Absolute http or https URL that receives the events. {hub} and {event} are allowed in path and query; write literal braces as %7B and %7D.',
    }),
    systemEvents: Type.Optional(
      nullable(
        Type.Array(oneOf(systemEvents, { description: 'A system event.' }), {
          uniqueItems: true,
          description: 'System events that this handler receives. Default: none.',
        }),
      ),
    ),
    userEventPattern: Type.Optional(
      nullable(
        Type.String({
          format: 'event-pattern',
          description:
            'User events that this handler receives: "*" for all, one name, or a comma-separated list of at most 1000; case-insensitive. Default: none.',
        }),
      ),
    ),
    groupPresenceEvents: Type.Optional(nullable(groupPresenceEvents)),
    delivery: optional(
      oneOf(['direct', 'durable'], {
        default: 'direct',
        description:
          'How connected, disconnected, joined and left are sent. direct: with the retries of `delivery`. durable: through the queue, in order per connection, at least once.',
      }),
    ),
    auth: Type.Optional(nullable(auth)),
  },
  { description: 'An app server that receives events of the hub.' },
);

export const hub = record(
  {
    anonymousConnectPolicy: Type.Optional(
      oneOf(['allow', 'deny'], {
        description: 'Whether clients may connect without an access token.',
        default: 'deny',
      }),
    ),
    webSocketKeepAliveIntervalInSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 120,
        default: defaultKeepAliveSeconds,
        description: 'Seconds between the pings that keep a WebSocket open.',
      }),
    ),
    eventHandlers: Type.Optional(
      nullable(
        Type.Array(eventHandler, {
          maxItems: maxHandlers,
          description: 'Event handlers in order; the first one that matches receives the event.',
        }),
      ),
    ),
    webhooks: optional(
      Type.Array(hubEndpoint, { description: 'Endpoints that receive events of the hub as webhooks.' }),
    ),
  },
  { description: 'Settings of one hub. A hub without settings uses the defaults.' },
);
