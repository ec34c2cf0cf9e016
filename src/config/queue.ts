import type { HubsFile } from './schema/hubs-file.js';
import { defaultRegion } from './schema/queue.js';

/** Where envelopes are kept, with the names of the outbox. `undefined`: the driver's own default. */
export type QueueSettings =
  | { readonly driver: 'file' }
  | { readonly driver: 'memory' }
  | ({ readonly driver: 'redis' } & RedisSettings)
  | ({ readonly driver: 'sqs' } & SqsSettings)
  | ({ readonly driver: 'nats' } & NatsQueueSettings);

export interface RedisSettings {
  /** Of the server; may contain a password. Undefined: a cluster. */
  readonly url: string | undefined;
  /** Of the cluster; may contain passwords. */
  readonly nodes: readonly string[] | undefined;
  readonly prefix: string | undefined;
  readonly concurrency: number | undefined;
}

export interface SqsSettings {
  readonly queueUrl: string;
  readonly region: string;
  readonly endpointUrl: string | undefined;
  /** Seconds. */
  readonly visibilityTimeout: number | undefined;
  readonly maxMessages: number | undefined;
  readonly waitTimeSeconds: number | undefined;
  readonly concurrency: number | undefined;
  readonly fifo: boolean | undefined;
}

/** The servers are those of the node. */
export interface NatsQueueSettings {
  readonly concurrency: number | undefined;
}

export function buildQueue({ driver, redis, sqs, nats }: NonNullable<HubsFile['queue']>): QueueSettings {
  // The schema requires the section of these two drivers.
  if (driver === 'redis' && redis) {
    return {
      driver,
      url: redis.url ?? undefined,
      nodes: redis.nodes ?? undefined,
      prefix: redis.prefix ?? undefined,
      concurrency: redis.concurrency ?? undefined,
    };
  }
  if (driver === 'sqs' && sqs) {
    return {
      driver,
      queueUrl: sqs.queue_url,
      region: sqs.region ?? defaultRegion,
      endpointUrl: sqs.endpoint_url ?? undefined,
      visibilityTimeout: sqs.visibility_timeout ?? undefined,
      maxMessages: sqs.max_messages ?? undefined,
      waitTimeSeconds: sqs.wait_time_seconds ?? undefined,
      concurrency: sqs.concurrency ?? undefined,
      fifo: sqs.fifo ?? undefined,
    };
  }
  if (driver === 'nats') return { driver, concurrency: nats?.concurrency ?? undefined };
  return { driver: driver === 'memory' ? 'memory' : 'file' };
}
