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
          { description: 'Group name patterns. Default, also when the list is empty: all groups.' },
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
            'User events that this handler receives: "*" for all, one name, or a comma-separated list; case-insensitive. Default: none.',
        }),
      ),
    ),
    groupPresenceEvents: Type.Optional(nullable(groupPresenceEvents)),
    auth: Type.Optional(nullable(auth)),
  },
  { description: 'An app server that receives events of the hub.' },
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
      nullable(
        Type.Array(eventHandler, {
          description: 'Event handlers in order; the first one that matches receives the event.',
        }),
      ),
    ),
  },
  { description: 'Settings of one hub. A hub without settings uses the defaults.' },
);

const delivery = record(
  {
    timeoutInSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 3_600,
        default: defaultDelivery.timeoutMs / 1_000,
        description: 'Seconds until the response headers for one event arrive, including retries and waiting.',
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
        description:
          'Accept a comma-separated list in one WebHook-Allowed-Origin header when an upstream is validated.',
      }),
    ),
    maxConcurrentPerUpstream: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65_535,
        default: defaultDelivery.maxConcurrentPerUpstream,
        description:
          'Maximum number of concurrent requests to one upstream (scheme, host and port). Further events are queued, and rejected when the queue is full.',
      }),
    ),
    originWithPort: Type.Optional(
      Type.Boolean({
        default: defaultDelivery.originWithPort,
        description:
          'Include the port in WebHook-Request-Origin unless it is 80 or 443, for apps that compare it with an endpoint.',
      }),
    ),
    dropOnUserEventFailure: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Close the connection of a client whose user event failed, instead of responding with an error.',
      }),
    ),
  },
  { description: 'How events are delivered to all upstreams.' },
);

const limits = record(
  {
    maxConnections: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Maximum number of connections of the service; further clients are rejected with 429. Default: unlimited. Disconnected reliable sessions count, and are ended to admit new clients when the limit is reached.',
      }),
    ),
    connectionsPerHub: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Maximum number of connections of each hub, with the rules of maxConnections. Default: unlimited.',
      }),
    ),
    connectionsPerAddress: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: `Maximum number of sockets of one client address (IPv6: of one /64 network). Further sockets are rejected with 429 over plain HTTP, and closed over TLS. Default: ${defaultPerAddress}, or unlimited behind a trusted proxy (HUBWIRE_TRUST_PROXY) and for loopback addresses. Behind a trusted proxy, the limit applies to the WebSockets of each client address in X-Forwarded-For.`,
      }),
    ),
    connectsPerSecond: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Maximum number of clients that connect per second, which is also the largest burst; further clients are rejected with 429. Recoveries of reliable sessions do not count. Default: unlimited.',
      }),
    ),
    unauthenticatedConnections: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultUnauthenticated,
        description:
          'Maximum number of sockets without an authenticated request; for each further socket, the oldest one is closed. Never more than half of the open-file limit of the process.',
      }),
    ),
    outboundQueueMessages: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultQueueMessages,
        description: 'Maximum number of messages queued for one client; beyond it, the connection is closed.',
      }),
    ),
    outboundQueueBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultQueueBytes,
        description: 'Maximum number of bytes queued for one client; beyond it, the connection is closed.',
      }),
    ),
    membershipsPerCall: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultMembershipsPerCall,
        description:
          'Maximum number of memberships (connections × groups) that one REST call may create; a larger call is rejected with 400 and changes nothing. Each membership takes about 100 bytes.',
      }),
    ),
  },
  { description: 'Limits for one client and for the whole service.' },
);

const reliable = record(
  {
    recoveryWindowInSeconds: Type.Optional(
      Type.Number({
        minimum: 30,
        maximum: 3600,
        default: defaultRecoverySeconds,
        description: 'Seconds during which a reliable client can recover its session after its connection is lost.',
      }),
    ),
    finalCloseCodes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1000, maximum: 4999, description: 'A WebSocket close code.' }), {
        default: [...defaultFinalCloseCodes],
        description: 'WebSocket close codes with which a reliable client ends its session immediately.',
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
          description:
            "URL of the issuer's signing keys. Default: the one in the issuer's OpenID configuration document.",
        }),
      ),
    ),
  },
  { description: 'An issuer of tokens.' },
);

const entra = record(
  {
    audiences: Type.Optional(
      nullable(
        Type.Array(Type.String({ minLength: 1, description: 'An aud claim.' }), {
          default: [...defaultEntraAudiences],
          description: 'Accepted aud claims of Entra ID tokens.',
        }),
      ),
    ),
    issuers: Type.Optional(
      nullable(Type.Array(entraIssuer, { description: 'Issuers whose tokens are accepted. Default: none.' })),
    ),
  },
  { description: 'Callers with Entra ID tokens; the roles claim determines what they are allowed to do.' },
);

const callers = record(
  {
    disableLocalAuth: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Reject REST calls with tokens that are signed with an access key.',
      }),
    ),
    disableAadAuth: Type.Optional(
      Type.Boolean({ default: false, description: 'Reject REST calls with Entra ID tokens.' }),
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
          description: 'The hubs by name. Names start with a letter and are case-insensitive.',
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

/** Identifies the published schema; contains the major and minor version of the program that accepts such files. */
const schemaId = 'urn:hubwire:schema:hubs:0.2';

/**
 * Content of hubs.schema.json: the schema as editors see the file, where `${NAME}` may replace any single value and words
 * may be in any letter case. It has no keyword or format that strict validators do not know.
 */
export function publishedSchema(): Record<string, unknown> {
  const { $schema: _, ...schema } = forEditors(hubsFileSchema) as Record<string, unknown>;
  return { $schema: 'http://json-schema.org/draft-07/schema#', $id: schemaId, ...schema };
}

const variable = { type: 'string', pattern: '^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$' };

function forEditors(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forEditors);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { description, default: fallback, format: _, ...rest } = schema as Record<string, unknown>;
  const shown = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  if (typeof rest.type === 'string' && isClosedToText(rest)) {
    return { ...shown, anyOf: [rest, ...('enum' in rest ? [inAnyCase(rest.enum as string[])] : []), variable] };
  }
  const inner = Object.entries(rest).map(([key, value]) => [key, forEditors(value)]);
  return { ...shown, ...Object.fromEntries(inner) };
}

/** The service accepts these words in any letter case; the listed spelling is for completion. */
function inAnyCase(words: readonly string[]): Record<string, unknown> {
  const patterns = words.map(word =>
    word.replace(/[a-z]/gi, letter => `[${letter.toUpperCase()}${letter.toLowerCase()}]`),
  );
  return { type: 'string', pattern: `^(?:${patterns.join('|')})$` };
}

/** Would an editor flag `${NAME}` here? */
function isClosedToText(schema: Record<string, unknown>): boolean {
  return 'enum' in schema || 'pattern' in schema || ['integer', 'number', 'boolean'].includes(String(schema.type));
}
