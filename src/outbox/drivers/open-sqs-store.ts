import type { Clock } from '../../clock.js';
import type { OutboxStore } from '../store.js';
import { openFileStore } from './file-store.js';
import { MemoryTables } from './memory-tables.js';
import { RowStore, type RowStoreOptions } from './row-store.js';
import { SqsQueue } from './sqs-queue.js';
import { SqsStore } from './sqs-store.js';

export interface SqsOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** Of the service, for stand-ins. */
  readonly endpointUrl?: string | undefined;
  /** Undefined: those that the AWS SDK finds. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** Of this node, for dead letters and deadlines, which SQS cannot keep. Undefined: they are in memory. */
  readonly directory?: string | undefined;
  readonly minFreeBytes?: number | undefined;
  /** Seconds after which a message of a node that is gone comes back; 30 by default. */
  readonly visibilityTimeout?: number | undefined;
  /** Of one request; 10 by default, and at most. */
  readonly maxMessages?: number | undefined;
  /** Seconds that a request waits for messages; 5 by default. */
  readonly waitTimeSeconds?: number | undefined;
  /** Envelopes in delivery on this node at a time; the outbox' own limit by default. */
  readonly concurrency?: number | undefined;
  /** The queue is a FIFO queue; false by default. */
  readonly fifo?: boolean | undefined;
}

/** @throws StoreOpenError */
export async function openSqsStore(options: SqsOptions, clock: Clock, events: RowStoreOptions): Promise<OutboxStore> {
  const { queueUrl, region, endpointUrl, credentials, directory, minFreeBytes, concurrency } = options;
  const { visibilityTimeout = 30, maxMessages = 10, waitTimeSeconds = 5, fifo = false } = options;
  const queue = await SqsQueue.open({
    queueUrl,
    region,
    endpoint: endpointUrl,
    credentials,
    isFifo: fifo,
    visibilitySeconds: visibilityTimeout,
  });
  try {
    const side =
      directory === undefined
        ? await RowStore.open(new MemoryTables(Infinity), events)
        : await openFileStore({ directory, minFreeBytes }, clock, events);
    return new SqsStore({
      queue,
      side,
      clock,
      isFifo: fifo,
      maxMessages,
      waitSeconds: waitTimeSeconds,
      visibilitySeconds: visibilityTimeout,
      concurrency,
      onFault: events.onFault,
    });
  } catch (error) {
    queue.close();
    throw error;
  }
}
