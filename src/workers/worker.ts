import type { Keys } from '../auth/keys.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/load.js';
import { closeInWaves, restartWaves } from '../drain.js';
import type { Service } from '../service.js';
import type { Channel } from './forks.js';
import type { OperatorAnswer, OperatorRequest, RequestName, Requests, ToWorker } from './messages.js';

type Variables = Readonly<Record<string, string>>;

export interface WorkerParts {
  readonly service: Service;
  /** Those of the service. */
  readonly keys: Keys;
  /** Admin token of the service: only the parent reaches its admin API. */
  readonly token: string;
  readonly channel: Channel;
  readonly clock: Clock;
  /** Reads the hubs file. @param variables besides those of this process @throws as a rejection: ConfigError */
  load(variables: Variables): Promise<Config>;
  /** Follows the file from now on. */
  watch(variables: Variables): void;
  /** Why it cannot run, for people. */
  failureText(error: unknown): string;
  exit(code: number): void;
}

/** One of several services of a machine, in a process of its own: does what the parent says. */
export class Worker {
  readonly #parts: WorkerParts;
  #variables: Variables = {};
  /** It listens once it lets clients in. */
  #listensLate = false;
  #stopping: Promise<void> | undefined;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    const { channel, service } = parts;
    const { readiness } = service;
    readiness.onChanged = () => channel.send({ kind: 'admission', isOpen: readiness.isReady });
    channel.onMessage(message => this.#take(message));
    channel.send({ kind: 'started' });
  }

  /** The states of its handlers have changed. */
  tellHandlers(): void {
    this.#parts.channel.send({ kind: 'handlers', handlers: this.#parts.service.handlers });
  }

  /** Ends the process once its clients are drained. */
  stop(): void {
    this.#stopping ??= this.#parts.service.stop().then(() => this.#parts.exit(0));
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case 'begin':
        this.#parts.keys.change(message.keys);
        this.#run(() => this.#begin(message.publicUrl));
        return;
      case 'activate':
        this.#variables = message.variables;
        this.#run(() => this.#activate());
        return;
      case 'keys':
        this.#parts.keys.change(message.keys);
        return;
      case 'request':
        void this.#answer(message.id, message.name, message.parameters);
        return;
      case 'ping':
        this.#parts.channel.send({ kind: 'pong' });
        return;
      case 'stop':
        this.stop();
    }
  }

  /** What fails here would fail again: the process ends, with the reason. */
  #run(step: () => Promise<void>): void {
    step().catch(error => {
      const { channel, failureText, exit } = this.#parts;
      channel.send({ kind: 'failed', text: failureText(error) });
      setImmediate(() => exit(1));
    });
  }

  async #begin(publicUrl: string | undefined): Promise<void> {
    this.#listensLate = publicUrl !== undefined;
    if (publicUrl === undefined) await this.#listen();
    else this.#parts.service.expectUrl(publicUrl);
  }

  async #listen(): Promise<void> {
    const { service, channel } = this.#parts;
    await service.listen();
    channel.send({ kind: 'listening', publicUrl: service.publicUrl });
  }

  async #activate(): Promise<void> {
    const { service, channel, load, watch } = this.#parts;
    await service.activate(await load(this.#variables), () => this.#run(() => this.#letIn()));
    this.tellHandlers();
    channel.send({ kind: 'validated' });
    watch(this.#variables);
  }

  async #letIn(): Promise<void> {
    if (this.#listensLate) await this.#listen();
    this.#parts.channel.send({ kind: 'ready' });
  }

  async #answer(id: number, name: RequestName, parameters: unknown): Promise<void> {
    const { channel } = this.#parts;
    try {
      channel.send({ kind: 'answered', id, answer: await this.#answers[name](parameters as never) });
    } catch (error) {
      channel.send({ kind: 'refused', id, text: error instanceof Error ? error.message : String(error) });
    }
  }

  readonly #answers: {
    readonly [Q in RequestName]: (parameters: Requests[Q]['parameters']) => Promise<Requests[Q]['answer']>;
  } = {
    metrics: () => this.#parts.service.metrics.record(),
    reload: async () => {
      await this.#parts.service.use(await this.#parts.load(this.#variables));
      return undefined;
    },
    closeClients: async () => {
      await closeInWaves(this.#parts.service.hubs, this.#parts.clock, restartWaves);
      return undefined;
    },
    operate: request => this.#operate(request),
  };

  async #operate({ method, url, body }: OperatorRequest): Promise<OperatorAnswer> {
    const { service, token } = this.#parts;
    const response = await service.adminApp.inject({
      method: method as 'GET',
      url,
      headers: { host: 'localhost', authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== '' && { payload: body }),
    });
    const contentType = response.headers['content-type'];
    return { status: response.statusCode, contentType: contentType?.toString(), body: response.body };
  }
}
