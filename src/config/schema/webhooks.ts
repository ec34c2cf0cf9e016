import { type TSchema, Type } from '@sinclair/typebox';
import { appEventTypes, everyType, hubEventTypes } from '../../webhooks/event-types.js';
import { channelTypes } from '../../webhooks/filters.js';
import { invocationTypes, payloadFormats, retryProfileNames, webhookDefaults } from '../../webhooks/options.js';
import { listOf, oneOf, optional, plainText, record, requestUrl } from './fields.js';
import { endpointId } from './patterns.js';

/** Days for which an endpoint may have to wait between two attempts, or be without success. */
const mostHours = 24 * 365;
const dayMs = 86_400_000;

const batchingDefaults = {
  enabled: false,
  duration: webhookDefaults.batchDurationMs,
  size: webhookDefaults.batchSize,
  max_bytes: webhookDefaults.maxEnvelopeBytes,
};

/** @param defaults of the widest scope; narrower ones have none of their own */
function batchingWith(defaults: Partial<typeof batchingDefaults>, description: string) {
  const defaultOf = (key: keyof typeof batchingDefaults) => key in defaults && { default: defaults[key] };
  return record(
    {
      enabled: optional(
        Type.Boolean({
          ...defaultOf('enabled'),
          description: 'Whether several events may share a request. Otherwise each has one.',
        }),
      ),
      duration: optional(
        Type.Integer({
          minimum: 1,
          maximum: 60_000,
          ...defaultOf('duration'),
          description: 'Milliseconds for which the first event of a batch waits for others.',
        }),
      ),
      size: optional(
        Type.Integer({
          minimum: 1,
          maximum: 10_000,
          ...defaultOf('size'),
          description: 'Maximum number of events of a batch.',
        }),
      ),
      max_bytes: optional(
        Type.Integer({
          minimum: 1_024,
          maximum: webhookDefaults.maxEnvelopeBytes,
          ...defaultOf('max_bytes'),
          description: 'Maximum number of bytes of a batch; a single larger event is sent alone.',
        }),
      ),
    },
    { description },
  );
}

/** Of one app or endpoint. */
export const batching = batchingWith(
  {},
  'Requests with several events. Each value that is left out is that of the next larger scope.',
);

const lingering = { minimum: 0, maximum: 3_600_000 };
const lingerText =
  'Milliseconds for which vacated and removed events are held back; a return within this time cancels them and sends nothing. 0: not at all.';

/** Of one app. */
export const linger = Type.Integer({ ...lingering, description: `${lingerText} Default: webhooks.linger_ms.` });

const lambda = record(
  {
    function_name: optional(
      plainText({
        minLength: 1,
        description: 'Name, partial ARN or ARN of the function. Required, unless lambda_function is set.',
      }),
    ),
    region: optional(
      Type.String({ minLength: 1, default: webhookDefaults.lambdaRegion, description: 'AWS region of the function.' }),
    ),
    invocation_type: optional(
      oneOf(invocationTypes, { default: 'Event', description: 'How the function is invoked.' }),
    ),
    qualifier: optional(plainText({ minLength: 1, description: 'Version or alias of the function.' })),
    payload_format: optional(
      oneOf(payloadFormats, {
        default: 'gateway',
        description:
          'What the function receives: gateway { headers, body, … } as from an API gateway, soketi { payload, headers }, or raw: the events alone.',
      }),
    ),
    endpoint: optional(requestUrl("URL of the service, in place of the region's own.")),
    async: optional(
      Type.Boolean({ description: "soketi's name of invocation_type: true is Event, false RequestResponse." }),
    ),
    client_options: optional(
      record(
        { endpoint: optional(requestUrl("soketi's name of lambda.endpoint.")) },
        { description: "soketi's client options; only the endpoint." },
      ),
    ),
  },
  { description: 'The AWS Lambda function that receives the events, in place of a URL.' },
);

const conditions = {
  channel_prefix: optional(plainText({ description: 'Beginning of the name.' })),
  channel_suffix: optional(plainText({ description: 'End of the name.' })),
  channel_pattern: optional(
    Type.String({
      format: 'channel-pattern',
      description: 'Regular expression in the syntax of RE2, found anywhere in the name unless it is anchored.',
    }),
  ),
  channel_name_starts_with: optional(plainText({ description: "soketi's name of channel_prefix." })),
  channel_name_ends_with: optional(plainText({ description: "soketi's name of channel_suffix." })),
};

const channelType = optional(
  listOf(oneOf(channelTypes, { description: 'A kind of channel.' }), {
    minItems: 1,
    description:
      'Kinds of the channel: one, or a list. cache means any cache channel; private does not include encrypted.',
  }),
);

/** Of channels; groups of a hub have no kinds. */
const channelFilter = record(
  { channel_type: channelType, ...conditions },
  {
    description:
      'Conditions for the channel of an event, all of which must be met. Events without a channel never meet one.',
  },
);
const groupFilter = record(conditions, {
  description: 'Conditions for the group of an event, all of which must be met. Events without a group never meet one.',
});

const retry = record(
  {
    enabled: optional(Type.Boolean({ default: true, description: 'Whether a failed request is repeated.' })),
    max_attempts: optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        description: 'Maximum number of attempts, the first one included. Default: as many as there is time for.',
      }),
    ),
    max_elapsed_time_ms: optional(
      Type.Integer({
        minimum: 0,
        maximum: 365 * dayMs,
        default: 300_000,
        description: 'Milliseconds after which no attempt begins.',
      }),
    ),
    initial_backoff_ms: optional(
      Type.Integer({
        minimum: 1,
        maximum: dayMs,
        default: 1_000,
        description: 'Milliseconds before the second attempt; each further wait is twice as long.',
      }),
    ),
    max_backoff_ms: optional(
      Type.Integer({ minimum: 1, maximum: dayMs, default: 60_000, description: 'Longest wait, in milliseconds.' }),
    ),
  },
  { description: 'When a failed request is repeated, in place of a profile.' },
);

const signingSecret = Type.String({
  format: 'signing-secret',
  minLength: 1,
  description: 'Secret of Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes.',
});

const signingSecrets = Type.Array(
  record(
    {
      secret: signingSecret,
      expires_at: optional(
        Type.String({
          format: 'instant',
          description: 'When this secret no longer signs, such as 2027-01-31T12:00:00Z. Default: never.',
        }),
      ),
    },
    { description: 'One of several secrets.' },
  ),
  { description: 'Several signing secrets, while one is replaced; all that have not expired sign.' },
);

interface Owner {
  readonly types: readonly string[];
  readonly filter: TSchema;
  readonly profile: (typeof retryProfileNames)[number];
  readonly of: string;
}

function endpointOf<const T extends Owner>({ types, filter, profile, of }: T) {
  return record(
    {
      id: optional(
        plainText({
          pattern: endpointId,
          description: `Name of the endpoint in metrics, in the admin routes and of its queue; unique within the ${of}. Default: made from the target.`,
        }),
      ),
      url: optional(
        Type.String({
          format: 'webhook-url',
          minLength: 1,
          description: 'Absolute http or https URL that receives the events. Either this or lambda.',
        }),
      ),
      lambda: optional(lambda),
      lambda_function: optional(plainText({ minLength: 1, description: 'Another name of lambda.function_name.' })),
      event_types: Type.Array(oneOf([...types, everyType], { description: 'An event type; * stands for all.' }), {
        minItems: 1,
        description: 'Events that are sent to this endpoint.',
      }),
      filter: optional(filter as TSchema),
      headers: optional(
        Type.Record(Type.String(), plainText({ description: 'Value of the header.' }), {
          description:
            'Further headers of the requests. Left out are those that the service sets, and those with which no request can be sent (Expect, Keep-Alive, Upgrade, Proxy-Authorization).',
        }),
      ),
      enabled: optional(
        Type.Boolean({ default: true, description: 'false: no new events are queued, and what is queued waits.' }),
      ),
      batching: optional(batching),
      payload_profile: optional(
        oneOf(['pusher', 'extended'], {
          default: 'pusher',
          description: "pusher: the fields of Pusher's events only. extended: also times and member data.",
        }),
      ),
      signature_format: optional(
        oneOf(['hex', 'sha256-prefixed'], {
          default: 'hex',
          description: 'Form of X-Pusher-Signature; sha256-prefixed is refused by the libraries of Pusher.',
        }),
      ),
      signing_secret: optional(signingSecret),
      signing_secrets: optional(signingSecrets),
      profile: optional(
        oneOf(retryProfileNames, {
          default: profile,
          description:
            'When failed requests are repeated. pusher: for 5 minutes; sockudo: 5 times; durable: 7 times within 28 hours.',
        }),
      ),
      retry: optional(retry),
      request_timeout_ms: optional(
        Type.Integer({
          minimum: 1,
          maximum: 300_000,
          default: webhookDefaults.requestTimeoutMs,
          description: 'Milliseconds within which the endpoint has to answer.',
        }),
      ),
      ordering: optional(
        oneOf(['none', 'channel'], {
          default: 'none',
          description: 'channel: later events of a channel or group wait while an earlier one is repeated.',
        }),
      ),
      max_concurrency: optional(
        Type.Integer({ minimum: 1, maximum: 1_000, default: 8, description: 'Maximum number of concurrent requests.' }),
      ),
      rate_limit_per_s: optional(
        Type.Number({
          exclusiveMinimum: 0,
          maximum: 1_000_000,
          description: 'Requests per second. Default: unlimited.',
        }),
      ),
      disable_after_hours: optional(
        Type.Number({
          minimum: 0,
          maximum: mostHours,
          default: 120,
          description: 'Hours without a success after which the endpoint is disabled. 0: never.',
        }),
      ),
      gone_disables: optional(
        Type.Boolean({ default: false, description: 'Whether the answer 410 disables the endpoint.' }),
      ),
      emit_user_channels: optional(
        Type.Boolean({
          default: false,
          description: 'Whether occupied and vacated events are also sent for #server-to-user- channels.',
        }),
      ),
    },
    { description: 'An endpoint that receives events as signed webhooks.' },
  );
}

/** One of `apps[].webhooks`. */
export const appEndpoint = endpointOf({ types: appEventTypes, filter: channelFilter, profile: 'pusher', of: 'app' });

/** One of `hubs.<name>.webhooks`. */
export const hubEndpoint = endpointOf({ types: hubEventTypes, filter: groupFilter, profile: 'durable', of: 'hub' });

/** `webhooks`, beside `hubs` and `apps`. */
export const webhooks = record(
  {
    batching: optional(batchingWith(batchingDefaults, 'Requests with several events.')),
    https_only: optional(
      Type.Boolean({ default: false, description: 'Whether endpoints with an http URL are refused.' }),
    ),
    linger_ms: optional(Type.Integer({ ...lingering, default: webhookDefaults.lingerMs, description: lingerText })),
    local_address: optional(
      Type.String({
        format: 'address',
        description:
          'IP address of this machine that webhooks come from, so that receivers can allow it. Default: the one that the system chooses.',
      }),
    ),
    egress: optional(
      record(
        {
          allow: optional(
            Type.Array(
              Type.String({ format: 'network', description: 'An address or a network, such as 10.1.0.0/16.' }),
              {
                description:
                  'Private addresses that webhooks may be sent to. Default: none; loopback with the development key.',
              },
            ),
          ),
        },
        { description: 'Where webhooks may be sent.' },
      ),
    ),
  },
  { description: 'What applies to the webhooks of all apps and hubs.' },
);
