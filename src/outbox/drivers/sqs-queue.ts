import type * as Sdk from '@aws-sdk/client-sqs';
import { urlForPeople, withoutPasswords } from '../../urls.js';
import { NotKept, StoreOpenError } from '../outbox-error.js';
import { Batcher } from './batcher.js';

const perRequest = 10;
/** Of one request: the limit of older stand-ins for SQS, too. */
const bytesPerRequest = 262_144;
const parallelRequests = 8;

/** The longest that SQS delays a message. */
export const longestDelaySeconds = 900;
/** The longest that it hides one which was received. */
const longestHiddenSeconds = 43_000;

export interface SqsQueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** Of the service, for stand-ins. */
  readonly endpoint?: string | undefined;
  /** Undefined: those that the AWS SDK finds. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly isFifo: boolean;
  readonly visibilitySeconds: number;
}

export interface Outgoing {
  readonly body: string;
  readonly delaySeconds: number;
  /** Of FIFO queues: messages of a group stay in order. */
  readonly group: string;
  readonly deduplicationId: string;
}

export interface Incoming {
  readonly body: string;
  readonly receipt: string;
  /** How often it was received, this time included. */
  readonly receiveCount: number;
}

/** One SQS queue. */
export class SqsQueue {
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.SQSClient;
  readonly #options: SqsQueueOptions;
  readonly #outgoing: Batcher<Outgoing>;
  readonly #deletions: Batcher<string>;
  readonly #closing = new AbortController();

  /** @throws StoreOpenError */
  static async open(options: SqsQueueOptions): Promise<SqsQueue> {
    const queue = new SqsQueue(await loadSdk(), options);
    await queue.#check();
    return queue;
  }

  private constructor(sdk: typeof Sdk, options: SqsQueueOptions) {
    const { region, endpoint, credentials, isFifo } = options;
    this.#sdk = sdk;
    this.#options = options;
    this.#client = new sdk.SQSClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    // In a FIFO queue the order of requests is that of messages.
    this.#outgoing = new Batcher(items => this.#sendAll(items), fits, isFifo ? 1 : parallelRequests);
    this.#deletions = new Batcher(
      items => this.#deleteAll(items),
      items => items.length < perRequest,
      parallelRequests,
    );
  }

  /** @throws NotKept */
  async send(messages: readonly Outgoing[]): Promise<void> {
    const results = await Promise.allSettled(messages.map(message => this.#outgoing.add(message)));
    const failure = results.find(result => result.status === 'rejected');
    if (failure !== undefined) throw notKept(failure.reason);
  }

  async receive(count: number, waitSeconds: number): Promise<readonly Incoming[]> {
    const { queueUrl, visibilitySeconds } = this.#options;
    const { Messages = [] } = await this.#client.send(
      new this.#sdk.ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: Math.min(count, perRequest),
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: visibilitySeconds,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
      { abortSignal: this.#closing.signal },
    );
    return Messages.map(({ Body = '', ReceiptHandle = '', Attributes }) => ({
      body: Body,
      receipt: ReceiptHandle,
      receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),
    }));
  }

  delete(receipt: string): Promise<void> {
    return this.#deletions.add(receipt);
  }

  /** The message can be received again after this time; 0: at once. */
  async hide(receipt: string, seconds: number): Promise<void> {
    await this.#client.send(
      new this.#sdk.ChangeMessageVisibilityCommand({
        QueueUrl: this.#options.queueUrl,
        ReceiptHandle: receipt,
        VisibilityTimeout: Math.min(Math.max(0, Math.ceil(seconds)), longestHiddenSeconds), // never too early
      }),
    );
  }

  /** Approximate numbers of messages. */
  async counts(): Promise<{ ready: number; delayed: number; inFlight: number }> {
    const names = ['', 'Delayed', 'NotVisible'].map(state => `ApproximateNumberOfMessages${state}`);
    const { Attributes = {} } = await this.#client.send(
      new this.#sdk.GetQueueAttributesCommand({
        QueueUrl: this.#options.queueUrl,
        AttributeNames: names as Sdk.QueueAttributeName[],
      }),
    );
    const [ready = 0, delayed = 0, inFlight = 0] = names.map(name =>
      Number((Attributes as Record<string, string>)[name] ?? 0),
    );
    return { ready, delayed, inFlight };
  }

  /** Ends the request for messages, and all later ones. */
  interrupt(): void {
    this.#closing.abort();
  }

  close(): void {
    this.#closing.abort();
    this.#client.destroy();
  }

  async #check(): Promise<void> {
    try {
      await this.counts();
    } catch (error) {
      this.close();
      const shown = urlForPeople(this.#options.queueUrl);
      const text = withoutPasswords(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
      throw new StoreOpenError(
        'unreachable',
        `The SQS queue of the outbox, ${shown}, cannot be used (${text}). Check its URL, the region and the credentials.`,
        { cause: error },
      );
    }
  }

  async #sendAll(messages: readonly Outgoing[]): Promise<(Error | undefined)[]> {
    const { queueUrl, isFifo } = this.#options;
    const entries = messages.map(({ body, delaySeconds, group, deduplicationId }, index) => ({
      Id: String(index),
      MessageBody: body,
      ...(isFifo
        ? { MessageGroupId: group, MessageDeduplicationId: deduplicationId }
        : { DelaySeconds: Math.min(delaySeconds, longestDelaySeconds) }),
    }));
    const { Failed } = await this.#client.send(
      new this.#sdk.SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
    );
    return failuresOf(messages.length, Failed);
  }

  async #deleteAll(receipts: readonly string[]): Promise<(Error | undefined)[]> {
    const entries = receipts.map((receipt, index) => ({ Id: String(index), ReceiptHandle: receipt }));
    const { Failed } = await this.#client.send(
      new this.#sdk.DeleteMessageBatchCommand({ QueueUrl: this.#options.queueUrl, Entries: entries }),
    );
    return failuresOf(receipts.length, Failed);
  }
}

async function loadSdk(): Promise<typeof Sdk> {
  try {
    return await import('@aws-sdk/client-sqs');
  } catch (error) {
    throw new StoreOpenError(
      'library_missing',
      'The queue driver sqs needs the AWS SDK, which is not installed with Hubwire: npm install @aws-sdk/client-sqs',
      { cause: error },
    );
  }
}

function fits(messages: readonly Outgoing[], next: Outgoing): boolean {
  const bytes = messages.reduce((sum, { body }) => sum + Buffer.byteLength(body), Buffer.byteLength(next.body));
  return messages.length < perRequest && bytes <= bytesPerRequest;
}

function failuresOf(count: number, failed: readonly Sdk.BatchResultErrorEntry[] = []): (Error | undefined)[] {
  const byId = new Map(failed.map(({ Id, Code, Message }) => [Id, new Error(`${Code}: ${Message ?? ''}`)]));
  return Array.from({ length: count }, (_, index) => byId.get(String(index)));
}

function notKept(error: unknown): NotKept {
  const text = error instanceof Error ? error.message : String(error);
  return new NotKept('unreachable', `SQS did not keep it: ${text}`, { cause: error });
}
