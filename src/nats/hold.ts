import { type NatsConnection, PermissionViolationError } from '@nats-io/transport-node';
import type { Clock } from '../clock.js';
import { hostAndPort } from './options.js';
import type { Candidate } from './server-list.js';

/** Longest wait for a connection that is closed to say so. */
const closeMs = 1_000;

/** One connection from its first moment to its last: it is never connected anew. [cluster 1.2] */
export class Hold {
  readonly connection: NatsConnection;
  readonly server: Candidate;
  /** Settles with the reason when the connection has ended, by whatever. Never rejects. */
  readonly gone: Promise<string>;
  /** Settles when the server says that it is about to stop. [CL-016] */
  readonly lameDuck: Promise<void>;
  /** Since when, by the monotonic clock. */
  readonly sinceMs: number;
  /** Servers or routes have come or gone. */
  onTopology: () => void = () => {};
  /** The user may not publish to this subject, and what was published is nowhere. */
  onMute: (subject: string) => void = () => {};
  readonly #clock: Clock;
  #reason: string | undefined;
  #lame!: () => void;
  #end!: (reason: string) => void;
  #isGone = false;

  constructor(connection: NatsConnection, server: Candidate, clock: Clock) {
    this.connection = connection;
    this.server = server;
    this.#clock = clock;
    this.sinceMs = clock.monotonicMs();
    this.gone = new Promise(resolve => {
      this.#end = reason => {
        this.#isGone = true;
        resolve(reason);
      };
    });
    this.lameDuck = new Promise(resolve => {
      this.#lame = resolve;
    });
    void connection.closed().then(error => this.#end(this.#reason ?? reasonOf(error)));
    void this.#follow();
  }

  get name(): string {
    return hostAndPort(this.server);
  }

  /** Which server it is, under whatever URL. */
  get serverId(): string | undefined {
    return this.connection.info?.server_id;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** URLs of the servers of its cluster, `host:port`, as the server says. */
  get told(): readonly string[] {
    return this.connection.info?.connect_urls ?? [];
  }

  /** Ends it at once, with what has not been sent. @param reason what `gone` settles with */
  end(reason: string): void {
    this.#reason ??= reason;
    // With unsent bytes the client may never say that it is closed.
    this.#clock.after(closeMs, () => this.#end(reason));
    void this.connection.close();
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'staleConnection') this.end('the server has stopped answering');
      else if (status.type === 'ldm') this.#lame();
      else if (status.type === 'update') this.onTopology();
      else if (status.type === 'error') this.#fail(status.error);
    }
  }

  /** Subscriptions are told by themselves that they are refused. */
  #fail(error: Error): void {
    if (error instanceof PermissionViolationError && error.operation === 'publish') this.onMute(error.subject);
  }
}

/** What a person can act on; of no error does it contain a secret. */
export function reasonOf(error: unknown): string {
  if (error === undefined || error === null) return 'the server has closed the connection';
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND') return 'there is no such host';
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error.name === 'AuthorizationError') return 'the server refuses the credentials';
  return error.message === '' ? String(code ?? error.name) : error.message;
}
