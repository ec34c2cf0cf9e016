import type { Clock } from '../clock.js';
import { type FileOptions, openFileStore } from './drivers/file-store.js';
import { MemoryTables } from './drivers/memory-tables.js';
import type { NatsQueueOptions } from './drivers/open-nats-store.js';
import { openSqsStore, type SqsOptions } from './drivers/open-sqs-store.js';
import type { RedisOptions } from './drivers/redis-store.js';
import { RowStore, type RowStoreOptions } from './drivers/row-store.js';
import type { OutboxStore } from './store.js';

export interface MemoryOptions {
  /** Envelopes that wait; 100,000 by default. Beyond that `accept` is rejected. */
  readonly maxEnvelopes?: number | undefined;
  /** 10,000 by default. Beyond that the oldest are dropped. */
  readonly maxDeadLetters?: number | undefined;
}

/** Where envelopes are kept. */
export type QueueOptions =
  | ({ readonly driver: 'memory' } & MemoryOptions)
  | ({ readonly driver: 'file' } & FileOptions)
  | ({ readonly driver: 'redis' } & RedisOptions)
  | ({ readonly driver: 'sqs' } & SqsOptions)
  | ({ readonly driver: 'nats' } & NatsQueueOptions);

/** Where the queue of a cluster is. */
export type NatsQueuePlace = Pick<NatsQueueOptions, 'nats' | 'parts' | 'replicas'>;

export type StoreEvents = Pick<RowStoreOptions, 'onDeadDropped' | 'onFault' | 'onWaiting'>;

/**
 * Opens the store of an outbox.
 * @throws StoreOpenError
 */
export async function openStore(options: QueueOptions, clock: Clock, events: StoreEvents = {}): Promise<OutboxStore> {
  switch (options.driver) {
    case 'memory': {
      const { maxEnvelopes = 100_000, maxDeadLetters = 10_000 } = options;
      return await RowStore.open(new MemoryTables(maxEnvelopes), { ...events, maxDead: maxDeadLetters });
    }
    case 'file':
      return await openFileStore(options, clock, events);
    case 'redis': {
      const { openRedisStore } = await import('./drivers/redis-store.js'); // no module of redis is loaded without it
      return await openRedisStore(options, clock, events.onFault);
    }
    case 'sqs':
      return await openSqsStore(options, clock, events);
    case 'nats': {
      const { openNatsStore } = await import('./drivers/open-nats-store.js'); // no module of NATS is loaded without it
      return await openNatsStore(options, clock, events.onFault);
    }
  }
}
