import { type ObjectOptions, type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox';
import { defaultDelivery, presenceEvents, systemEvents } from '../upstream/options.js';

/**
 * The one description of hubs.yaml: validation, the types below and the published hubs.schema.json come from it. Field
 * names are those of the vendor's management API. [rest-api 6.1, design 2]
 */

export const defaultKeepAliveSeconds = 20;
export const defaultQueueMessages = 1_000;
/** [client-protocols 5.2, D4] */
export const defaultRecoverySeconds = 30;
/** [client-protocols D3] */
export const defaultFinalCloseCodes = [1000] as const;
export const defaultQueueBytes = 16 * 1024 * 1024;
export const defaultMembershipsPerCall = 10_000_000;
/** Without a proxy; more than any one machine or office uses, and less than the ports of one address. */
export const defaultPerAddress = 10_000;
export const defaultUnauthenticated = 4_096;
/** [rest-api 1.4] */
export const defaultEntraAudiences = ['https://webpubsub.azure.com'] as const;

/** [upstream-events 5.4] */
const hubName = '^[A-Za-z][A-Za-z0-9_`,.[\\]]{0,127}$';

/** The field may be left empty in the file (`chat:` and nothing after it), which is the same as leaving it out. */
function nullable<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] });
}

/** A mapping without other keys. */
function record<T extends TProperties>(properties: T, options: ObjectOptions & { description: string }) {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** One of some words, in any letter case; the canonical ones are listed. */
function oneOf<const T extends readonly string[]>(values: T, options: { description: string; default?: string }) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}

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
  { description: 'Which token is asked for. Only with type ManagedIdentity.' },
);

const tokenNeedsAudience = {
  if: { type: 'object', properties: { type: { const: 'ManagedIdentity' } }, required: ['type'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: {
    type: 'object',
    required: ['managedIdentity'],
    properties: { managedIdentity: { type: 'object', required: ['resource'] } },
  },
};

/** Otherwise requests would go out without the token that the file seems to ask for. */
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
    description: 'How requests prove themselves to this upstream, besides their signature.',
    allOf: [tokenNeedsAudience, audienceNeedsToken],
  },
);

const groupPresenceEvents = record(
  {
    eventNames: Type.Optional(
      nullable(
        Type.Array(oneOf(presenceEvents, { description: 'An event of groups.' }), {
          uniqueItems: true,
          description: 'Which of them this handler gets. None when left out.',
        }),
      ),
    ),
    groupFilters: Type.Optional(
      nullable(
        Type.Array(
          Type.String({
            format: 'group-filter',
            description: 'A group name, or a pattern of names: * stands for a run without dots, ** for any run.',
          }),
          { description: 'Of which groups. Of all when left out or empty.' },
        ),
      ),
    ),
  },
  { description: 'Connections that join and leave groups, as this handler gets to know of them.' },
);

const eventHandler = record(
  {
    urlTemplate: Type.String({
      format: 'url-template',
      description:
        'Absolute http or https URL that gets the events. {hub} and {event} may stand in path and query; literal braces are %7B and %7D.',
    }),
    systemEvents: Type.Optional(
      nullable(
        Type.Array(oneOf(systemEvents, { description: 'A system event.' }), {
          uniqueItems: true,
          description: 'System events that this handler gets. None when left out.',
        }),
      ),
    ),
    userEventPattern: Type.Optional(
      nullable(
        Type.String({
          format: 'event-pattern',
          description:
            'User events that this handler gets: "*" for all, one name, or a comma list; letter case does not matter. None when left out.',
        }),
      ),
    ),
    groupPresenceEvents: Type.Optional(nullable(groupPresenceEvents)),
    auth: Type.Optional(nullable(auth)),
  },
  { description: 'An app server that gets events of the hub.' },
);

const hub = record(
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
      nullable(Type.Array(eventHandler, { description: 'Tried in order; the first that matches gets the event.' })),
    ),
  },
  { description: 'Settings of one hub. A hub without settings has the defaults.' },
);

const delivery = record(
  {
    timeoutInSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 3_600,
        default: defaultDelivery.timeoutMs / 1_000,
        description: 'Seconds for one event, retries and waits included, until the headers of the response.',
      }),
    ),
    retryDelaysInSeconds: Type.Optional(
      nullable(
        Type.Array(Type.Number({ minimum: 0, maximum: 3_600, description: 'Seconds to wait before this retry.' }), {
          maxItems: 10,
          default: defaultDelivery.retryDelaysMs.map(ms => ms / 1_000),
          description: 'Seconds to wait before the second and later attempts. An empty list: one attempt only.',
        }),
      ),
    ),
    lenientOriginList: Type.Optional(
      Type.Boolean({
        default: defaultDelivery.lenientOriginList,
        description: 'Accept a comma list in one WebHook-Allowed-Origin line when an upstream is validated.',
      }),
    ),
    maxConcurrentPerUpstream: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65_535,
        default: defaultDelivery.maxConcurrentPerUpstream,
        description:
          'Requests under way to one upstream (scheme, host and port) at the same time. Further events wait, and are refused when too many do.',
      }),
    ),
    originWithPort: Type.Optional(
      Type.Boolean({
        default: defaultDelivery.originWithPort,
        description:
          'Name the port in WebHook-Request-Origin, unless it is 80 or 443: for apps that compare it with an endpoint.',
      }),
    ),
    dropOnUserEventFailure: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Close the connection of a client whose user event failed, instead of answering with an error.',
      }),
    ),
  },
  { description: 'How events are delivered, towards all upstreams.' },
);

const limits = record(
  {
    maxConnections: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Connections of the whole service; further clients are answered 429. Unlimited when left out. Sessions of reliable clients that are away count, and give way to clients that come.',
      }),
    ),
    connectionsPerHub: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'The same for each hub by itself. Unlimited when left out.',
      }),
    ),
    connectionsPerAddress: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: `Sockets of one client address, an IPv6 address counting as its /64 network; more are answered 429 with plain HTTP, and closed with TLS. ${defaultPerAddress} when left out, and unlimited behind a trusted proxy (HUBWIRE_TRUST_PROXY) and for this machine's own addresses. Behind a trusted proxy a limit counts the WebSockets of each address that X-Forwarded-For names.`,
      }),
    ),
    connectsPerSecond: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Clients that may connect in a second, and at once; more are answered 429. Recoveries of reliable sessions do not count. Unlimited when left out.',
      }),
    ),
    unauthenticatedConnections: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultUnauthenticated,
        description:
          'Sockets on which no request was authenticated yet; for each one more the oldest is closed. At most half of the files that the process may open.',
      }),
    ),
    outboundQueueMessages: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultQueueMessages,
        description: 'Messages that may wait for one slow client before its connection is closed.',
      }),
    ),
    outboundQueueBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultQueueBytes,
        description: 'Bytes that may wait for one slow client before its connection is closed.',
      }),
    ),
    membershipsPerCall: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultMembershipsPerCall,
        description:
          'Memberships, connections × groups, that one REST call may make; a larger one is answered 400 before it starts. Each takes some 100 bytes.',
      }),
    ),
  },
  { description: 'What one client or all of them together may use.' },
);

const reliable = record(
  {
    recoveryWindowInSeconds: Type.Optional(
      Type.Number({
        minimum: 30,
        maximum: 3600,
        default: defaultRecoverySeconds,
        description: 'How long a reliable client that lost its connection may take to come back.',
      }),
    ),
    finalCloseCodes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1000, maximum: 4999, description: 'A WebSocket close code.' }), {
        default: [...defaultFinalCloseCodes],
        description: 'WebSocket close codes with which a reliable client ends its session at once.',
      }),
    ),
  },
  { description: 'Sessions of the reliable subprotocols.' },
);

/** Keys that someone on the way could replace would let anyone in; only this machine is reached without TLS. */
export const secureUrl = '^(https://[^/?#@\\s]|http://(localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1\\])([:/]|$))';

const entraIssuer = record(
  {
    issuer: Type.String({
      pattern: secureUrl,
      description:
        'The iss claim of the tokens: https://sts.windows.net/TENANT/, or with v2 tokens https://login.microsoftonline.com/TENANT/v2.0.',
    }),
    jwksUri: Type.Optional(
      nullable(
        Type.String({
          pattern: secureUrl,
          description: "Where the issuer's keys are. Found through the issuer's OpenID document when left out.",
        }),
      ),
    ),
  },
  { description: 'Who makes the tokens.' },
);

const entra = record(
  {
    audiences: Type.Optional(
      nullable(
        Type.Array(Type.String({ minLength: 1, description: 'An aud claim.' }), {
          default: [...defaultEntraAudiences],
          description: 'What the aud claim of an Entra ID token for this service can be.',
        }),
      ),
    ),
    issuers: Type.Optional(
      nullable(Type.Array(entraIssuer, { description: "Whose tokens are accepted. Nobody's when left out." })),
    ),
  },
  { description: 'Callers with Entra ID tokens; the roles claim says what they may do.' },
);

const callers = record(
  {
    disableLocalAuth: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Refuse REST calls with tokens that are signed with an access key.',
      }),
    ),
    disableAadAuth: Type.Optional(
      Type.Boolean({ default: false, description: 'Refuse REST calls with Entra ID tokens.' }),
    ),
    entra: Type.Optional(nullable(entra)),
  },
  { description: 'Who may call the REST API.' },
);

export const hubsFileSchema = record(
  {
    hubs: Type.Optional(
      nullable(
        Type.Record(Type.String({ pattern: hubName }), nullable(hub), {
          additionalProperties: false,
          description: 'The hubs by name. Names start with a letter; letter case does not matter.',
        }),
      ),
    ),
    delivery: Type.Optional(nullable(delivery)),
    limits: Type.Optional(nullable(limits)),
    reliable: Type.Optional(nullable(reliable)),
    auth: Type.Optional(nullable(callers)),
  },
  { title: 'Hubwire hubs.yaml', description: 'Hubs, their event handlers, and limits of the service.' },
);

/** A hubs.yaml that is valid, in canonical spelling and with environment variables filled in. */
export type HubsFile = Static<typeof hubsFileSchema>;
export type HubSettings = NonNullable<NonNullable<HubsFile['hubs']>[string]>;
export type HandlerSettings = NonNullable<HubSettings['eventHandlers']>[number];

/** What hubs.schema.json holds: the schema as editors see the file, where `${NAME}` may stand for any single value. */
export function publishedSchema(): Record<string, unknown> {
  const { $schema: _, ...schema } = forEditors(hubsFileSchema) as Record<string, unknown>;
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...schema };
}

const variable = { type: 'string', pattern: '^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$' };

function forEditors(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forEditors);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { description, default: fallback, ...rest } = schema as Record<string, unknown>;
  const shown = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  if (typeof rest.type === 'string' && isClosedToText(rest)) return { ...shown, anyOf: [rest, variable] };
  const inner = Object.entries(rest).map(([key, value]) => [key, forEditors(value)]);
  return { ...shown, ...Object.fromEntries(inner) };
}

/** Would an editor flag `${NAME}` here? */
function isClosedToText(schema: Record<string, unknown>): boolean {
  return 'enum' in schema || 'pattern' in schema || ['integer', 'number', 'boolean'].includes(String(schema.type));
}
