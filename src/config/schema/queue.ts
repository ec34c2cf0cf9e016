import { Type } from '@sinclair/typebox';
import { oneOf, optional, plainText, record, requestUrl } from './fields.js';
import { redisNodeUrl, redisUrl } from './patterns.js';

export const defaultRegion = 'us-east-1';
export const queueDrivers = ['file', 'memory', 'redis', 'sqs', 'nats'] as const;

const concurrency = optional(
  Type.Integer({
    minimum: 1,
    maximum: 1_000,
    description: 'Maximum number of envelopes in delivery on this node. Default: 64.',
  }),
);

const redis = record(
  {
    url: optional(
      Type.String({
        pattern: redisUrl,
        format: 'redis-url',
        description: 'URL of the server: redis://user:password@host:6379/0, or rediss:// for TLS.',
      }),
    ),
    nodes: optional(
      Type.Array(
        Type.String({ pattern: redisNodeUrl, format: 'redis-url', description: 'URL of a node, without a database.' }),
        {
          minItems: 1,
          description:
            'In place of url: URLs of some nodes of a redis cluster. The others are found. User, password and TLS are those of the first one.',
        },
      ),
    ),
    concurrency,
    prefix: optional(
      plainText({
        minLength: 1,
        default: 'hubwire_queue:',
        description: 'Beginning of the names of all keys. With nodes it is put in braces, unless it contains braces.',
      }),
    ),
  },
  { description: 'With driver redis.' },
);

const sqs = record(
  {
    queue_url: requestUrl('URL of the queue.'),
    region: optional(Type.String({ minLength: 1, default: defaultRegion, description: 'AWS region of the queue.' })),
    endpoint_url: optional(requestUrl("URL of the service, in place of the region's own.")),
    visibility_timeout: optional(
      Type.Integer({
        minimum: 1,
        maximum: 43_200,
        default: 30,
        description: 'Seconds after which a message that a node has received is received again.',
      }),
    ),
    max_messages: optional(
      Type.Integer({ minimum: 1, maximum: 10, default: 10, description: 'Messages that are received at a time.' }),
    ),
    wait_time_seconds: optional(
      Type.Integer({
        minimum: 0,
        maximum: 20,
        default: 5,
        description: 'Seconds that a receive call waits for messages.',
      }),
    ),
    concurrency,
    fifo: optional(Type.Boolean({ default: false, description: 'Whether the queue is a FIFO queue.' })),
  },
  { description: 'With driver sqs.' },
);

const nats = record({ concurrency }, { description: 'With driver nats.' });

/** The section of a driver without which it cannot work. */
function needsSection(driver: 'redis' | 'sqs', key?: string) {
  const section = { type: 'object', ...(key !== undefined && { required: [key], properties: { [key]: {} } }) };
  return {
    if: { type: 'object', properties: { driver: { const: driver } }, required: ['driver'] },
    // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
    then: { type: 'object', required: [driver], properties: { [driver]: section } },
  };
}

/** `queue`: where envelopes of webhooks and of durable event handlers are kept until they are delivered. */
export const queue = record(
  {
    driver: optional(
      oneOf(queueDrivers, {
        default: 'file',
        description:
          'Where envelopes are kept: file (in the data directory), memory (lost at the end of the process), redis, sqs or nats (the NATS of --nats).',
      }),
    ),
    redis: optional(redis),
    sqs: optional(sqs),
    nats: optional(nats),
  },
  {
    description: 'The queue of webhooks and of durable event handlers. A change is effective after a restart.',
    allOf: [needsSection('redis'), needsSection('sqs', 'queue_url')],
  },
);
