import type {
  GroupDataMessage,
  OnConnectedArgs,
  OnDisconnectedArgs,
  ServerDataMessage,
  WebPubSubClient,
} from '@azure/web-pubsub-client';

const patienceMs = 30_000;

/** Values in the order they came, each taken once. */
class Queue<T> {
  readonly #values: T[] = [];
  #wake: () => void = () => undefined;

  constructor(readonly name: string) {}

  put(value: T): void {
    this.#values.push(value);
    this.#wake();
  }

  async take(): Promise<T> {
    const deadline = AbortSignal.timeout(patienceMs);
    for (;;) {
      if (this.#values.length > 0) return this.#values.shift() as T;
      if (deadline.aborted) throw new Error(`no ${this.name} within ${patienceMs / 1000} s`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

/** What an SDK client reports, to be awaited. */
export class Inbox {
  readonly #connected = new Queue<OnConnectedArgs>('connected');
  readonly #disconnected = new Queue<OnDisconnectedArgs>('disconnected');
  readonly #stopped = new Queue<true>('stopped');
  readonly #group = new Queue<GroupDataMessage>('group-message');
  readonly #server = new Queue<ServerDataMessage>('server-message');

  constructor(client: WebPubSubClient) {
    client.on('connected', event => this.#connected.put(event));
    client.on('disconnected', event => this.#disconnected.put(event));
    client.on('stopped', () => this.#stopped.put(true));
    client.on('group-message', ({ message }) => this.#group.put(message));
    client.on('server-message', ({ message }) => this.#server.put(message));
  }

  async connected(): Promise<{ connected: OnConnectedArgs }> {
    return { connected: await this.#connected.take() };
  }

  disconnected(): Promise<OnDisconnectedArgs> {
    return this.#disconnected.take();
  }

  stopped(): Promise<true> {
    return this.#stopped.take();
  }

  groupMessage(): Promise<GroupDataMessage> {
    return this.#group.take();
  }

  serverMessage(): Promise<ServerDataMessage> {
    return this.#server.take();
  }
}
