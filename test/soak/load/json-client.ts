import type { UserEvent } from '../app/answers.js';
import { within } from '../patience.js';
import type { Outcome } from './ledger.js';
import type { Stage } from './stage.js';
import { type DialOptions, type Ending, Wire } from './wire.js';

/** A message of the JSON subprotocols, as much of it as matters here. [client-protocols 4.3] */
export interface JsonMessage {
  readonly type: string;
  readonly event?: string;
  readonly connectionId?: string;
  readonly reconnectionToken?: string;
  readonly ackId?: number;
  readonly invocationId?: string;
  readonly success?: boolean;
  readonly error?: { readonly name: string };
  readonly group?: string;
  readonly data?: unknown;
  readonly sequenceId?: number;
}

export type Request = Readonly<Record<string, unknown>> & { readonly type: string };

/** A client of the JSON subprotocols. Every request that it awaits is answered, or its connection ends. */
export class JsonClient {
  #wire: Wire | undefined;
  readonly #stage: Stage;
  readonly #onMessage: (message: JsonMessage) => void;
  /** By `ack 5`, `invokeResponse i5`, `pong` or `connected`. */
  readonly #waiting = new Map<string, (message: JsonMessage | undefined) => void>();
  /** What was asked on an earlier socket may be answered here, and once more when it was asked again. */
  readonly #isRecovered: boolean;
  #lastAckId = 0;
  #welcome: JsonMessage | undefined;

  /**
   * Undefined when the service refused, or closed at once.
   * @param onMessage is given messages with data, in order
   */
  static async dial(
    stage: Stage,
    options: DialOptions,
    onMessage: (message: JsonMessage) => void = () => {},
  ): Promise<JsonClient | undefined> {
    const client = new JsonClient(stage, options, onMessage);
    const welcome = client.#next('connected');
    client.#wire = await Wire.dial(stage, options, text => client.#hear(text));
    void client.#wire?.closed.then(() => client.#lose());
    if (client.#wire === undefined) return undefined;
    client.#welcome = await within(welcome, 'the first message of a connection');
    return client.#welcome && client;
  }

  private constructor(stage: Stage, { query }: DialOptions, onMessage: (message: JsonMessage) => void) {
    this.#stage = stage;
    this.#isRecovered = query !== undefined;
    this.#onMessage = onMessage;
  }

  get connectionId(): string {
    return this.#welcome?.connectionId ?? '';
  }

  get reconnectionToken(): string {
    return this.#welcome?.reconnectionToken ?? '';
  }

  get closed(): Promise<number> {
    return this.#wire!.closed;
  }

  get isOpen(): boolean {
    return this.#wire?.isOpen ?? false;
  }

  /** One that nobody answers. */
  tell(request: Request): void {
    this.#wire?.send(JSON.stringify(request));
  }

  newAckId(): number {
    this.#lastAckId += 1;
    return this.#lastAckId;
  }

  ask(request: Request, ackId = this.newAckId()): Promise<Outcome> {
    return this.#request({ ...request, ackId }, `ack ${ackId}`);
  }

  /** A user event. @param mark by which it is known again */
  async raise(event: UserEvent | 'probe', mark: string, ackId = this.newAckId()): Promise<Outcome> {
    if (this.isOpen) this.#stage.ledger.eventsSent += 1;
    const outcome = await this.ask({ type: 'event', event, dataType: 'text', data: mark }, ackId);
    this.#stage.ledger.events.set(mark, outcome);
    return outcome;
  }

  async invoke(event: UserEvent, mark: string): Promise<Outcome> {
    if (this.isOpen) this.#stage.ledger.eventsSent += 1;
    const invocationId = mark;
    const request = { type: 'invoke', invocationId, target: 'event', event, data: { mark } };
    const outcome = await this.#request(request, `invokeResponse ${invocationId}`);
    this.#stage.ledger.events.set(mark, outcome);
    return outcome;
  }

  /** An invocation whose answer is not wanted any more. */
  invokeInVain(event: UserEvent, mark: string): void {
    if (this.isOpen) this.#stage.ledger.eventsSent += 1;
    this.tell({ type: 'invoke', invocationId: mark, target: 'event', event, data: { mark } });
    this.tell({ type: 'cancelInvocation', invocationId: mark });
  }

  /** What was sent both ways so far has arrived once this settles; false when the connection ends first. */
  async settle(): Promise<boolean> {
    const pong = this.#next('pong');
    this.tell({ type: 'ping' });
    return (await within(pong, 'a pong')) !== undefined;
  }

  /** Stops reading, pings included. */
  pause(): void {
    this.#wire?.pause();
  }

  resume(): void {
    this.#wire?.resume();
  }

  end(how: Ending): Promise<void> {
    return this.#wire!.end(how);
  }

  async #request(request: Request, key: string): Promise<Outcome> {
    const answer = this.#next(key);
    this.tell(request);
    const outcome = outcomeOf(await within(answer, `the answer to ${JSON.stringify(request)}`));
    this.#stage.ledger.answers[outcome] += 1;
    return outcome;
  }

  /** Undefined when the connection ends first. */
  #next(key: string): Promise<JsonMessage | undefined> {
    if (this.#wire !== undefined && !this.isOpen) return Promise.resolve(undefined);
    return new Promise(resolve => this.#waiting.set(key, resolve));
  }

  #hear(text: string): void {
    const message = JSON.parse(text) as JsonMessage;
    const key = answerKey(message);
    if (key === undefined) {
      if (isData(message)) this.#stage.ledger.messagesHeard += 1;
      this.#onMessage(message);
      return;
    }
    const tell = this.#waiting.get(key);
    if (tell === undefined && message.type === 'ack' && !this.#isRecovered) {
      this.#stage.ledger.complain(`an ack that nobody waits for: ${text}`);
    }
    this.#waiting.delete(key);
    tell?.(message);
  }

  #lose(): void {
    for (const tell of this.#waiting.values()) tell(undefined);
    this.#waiting.clear();
  }
}

/** What of it somebody may wait for; undefined for a message with data, or one that tells of a stream. */
function answerKey({ type, event, ackId, invocationId }: JsonMessage): string | undefined {
  if (type === 'system') return event;
  if (type === 'ack') return `ack ${ackId}`;
  if (type === 'invokeResponse') return `invokeResponse ${invocationId}`;
  return type === 'pong' ? 'pong' : undefined;
}

function isData({ type }: JsonMessage): boolean {
  return type === 'message' || type === 'groupStateSnapshot' || type === 'groupStateUpdate';
}

function outcomeOf(answer: JsonMessage | undefined): Outcome {
  if (answer === undefined) return 'lost';
  if (answer.success === true) return 'success';
  return answer.error?.name === 'Duplicate' ? 'duplicate' : 'failed';
}
