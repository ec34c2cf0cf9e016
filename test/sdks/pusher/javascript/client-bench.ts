import { within } from './checks.js';
import type { Channel, Emitter, PusherJs, PusherJsConstructor } from './library.js';

/** Where the clients' service and app server are. */
export interface World {
  readonly key: string;
  readonly port: number;
  /** Of a way to the service that breaks on command. */
  readonly unsteadyPort: number;
  readonly appUrl: string;
  /** Tells runs apart that use the same service. */
  readonly run: string;
}

export interface ClientOptions {
  readonly userId?: string;
  readonly watchlist?: readonly string[];
  readonly key?: string;
  readonly port?: number;
  readonly authPath?: string;
}

/** What each check starts from: clients that end with it, and names that nobody else uses. */
export class ClientBench {
  readonly #clients: PusherJs[] = [];

  constructor(
    readonly library: PusherJsConstructor,
    readonly world: World,
    readonly feature: string,
  ) {}

  /** A name of this check's own: a channel's with its prefix, or a user's. */
  own(what: string): string {
    return `${what}-${this.feature.replace('client.', '')}-${this.world.run}`;
  }

  /** A client that begins to connect. */
  client({ userId = this.own('user'), watchlist = [], key, port, authPath = '/auth' }: ClientOptions = {}): PusherJs {
    const { appUrl, ...world } = this.world;
    const client = new this.library(key ?? world.key, {
      cluster: 'hubwire',
      wsHost: '127.0.0.1',
      wsPort: port ?? world.port,
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: { endpoint: appUrl + authPath, transport: 'ajax', params: { user_id: userId } },
      userAuthentication: {
        endpoint: `${appUrl}/user-auth`,
        transport: 'ajax',
        params: { user_id: userId, watchlist: JSON.stringify(watchlist) },
      },
    });
    this.#clients.push(client);
    return client;
  }

  async connected(options: ClientOptions = {}): Promise<PusherJs> {
    const client = this.client(options);
    if (client.connection.state !== 'connected') await once(client.connection, 'connected');
    return client;
  }

  /** What the app server does: `trigger`, `send-to-user`, `terminate`, `cut`, `mend`. */
  async app(path: string, form: Readonly<Record<string, string>> = {}): Promise<void> {
    const response = await fetch(`${this.world.appUrl}/${path}`, { method: 'POST', body: new URLSearchParams(form) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }

  trigger(channel: string, name: string, data: unknown): Promise<void> {
    return this.app('trigger', { channel_name: channel, name, data: JSON.stringify(data) });
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.app('mend');
  }
}

/** The next event. Call it before what causes the event. */
export function once(emitter: Emitter, event: string): Promise<{ data: unknown; metadata: { user_id?: string } }> {
  const next = new Promise<{ data: unknown; metadata: { user_id?: string } }>(resolve => {
    emitter.bind(event, (data, metadata) => resolve({ data, metadata: metadata ?? {} }));
  });
  return within(next, event);
}

/** Subscribes and waits until that has succeeded. */
export async function subscribed(client: PusherJs, name: string): Promise<Channel> {
  const channel = client.subscribe(name);
  await succeeded(channel);
  return channel;
}

export async function succeeded(channel: Channel): Promise<void> {
  if (channel.subscribed) return;
  const failed = new Promise<never>((_, reject) => {
    channel.bind('pusher:subscription_error', error => reject(new Error(`refused: ${JSON.stringify(error)}`)));
  });
  await Promise.race([once(channel, 'pusher:subscription_succeeded'), failed]);
}
