import { createRequire } from 'node:module';
import type { Options, default as PusherJs } from 'pusher-js';
import { onTestFinished } from 'vitest';
import { signatureOf } from '../../src/auth/pusher-signatures.js';
import type { PlainFact } from '../../src/hub/facts.js';
import type { Hub } from '../../src/hub/hub.js';
import { observers } from '../../src/hub/observers.js';
import type { Payload } from '../../src/protocols/messages.js';
import type { Service } from '../../src/service.js';
import type { PusherApps } from '../../src/service-options.js';
import type { PusherApp } from '../../src/sockets/entrances/pusher.js';
import { textPayload } from './fake-ports.js';
import { type StartOptions, startHub } from './start-hub.js';
import type { TestClient } from './test-client.js';

/** The app that tests use, unless they say otherwise. */
export const appKey = 'hubkey01';
export const appSecret = 'hubsecret01';
export const app: PusherApp = {
  id: '42',
  keys: [{ key: appKey, secret: appSecret, active: true }],
  enabled: true,
  enableClientMessages: true,
};

/** @param apps read at each use */
export function appsOf(apps: readonly PusherApp[]): PusherApps {
  return {
    findById: id => apps.find(each => each.id === id),
    findByKey: key => apps.find(({ keys }) => keys.some(each => each.key === key)),
  };
}

export interface PusherOptions extends StartOptions {
  readonly app?: Partial<PusherApp>;
}

/** A service with one app, and what its clients are opened with. */
export async function startPusher({ app: more, ...options }: PusherOptions = {}) {
  const facts: PlainFact[] = [];
  const apps = appsOf([{ ...app, ...more }]);
  const started = await startHub({ apps, observer: observers({ tell: fact => void facts.push(fact) }), ...options });
  const { service } = started;
  const hub = (): Hub => service.hubs.reach({ app: app.id });
  return {
    ...started,
    hub,
    facts,
    /** A client with any query, `connection_established` being its first message. */
    dialRaw: (query = 'protocol=7&client=js&version=8.6.0&flash=false', key = appKey) =>
      started.dial({ url: `${socketUrl(service)}/app/${key}?${query}`, protocols: [] }),
    /** A client that has been told its socket id. */
    open: async () =>
      PusherClient.on(await started.dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [] })),
    pusherJs: (more: Partial<Options> = {}) => pusherJs(service, more),
    publish: (channel: string, event: string, data: string | Payload, options = {}) =>
      hub().sendToGroup(channel, typeof data === 'string' ? textPayload(data) : data, { event, ...options }),
  };
}

export function socketUrl(service: Service): string {
  return service.publicUrl.replace(/^http/, 'ws').replace('localhost', '127.0.0.1');
}

/** `key:signature` of the app's own key. */
export function auth(text: string): string {
  return `${appKey}:${signatureOf(appSecret, text)}`;
}

/** What an app server answers a client that wants to subscribe. */
export function channelAuth(socketId: string, channel: string, channelData?: string) {
  const text = channelData === undefined ? `${socketId}:${channel}` : `${socketId}:${channel}:${channelData}`;
  return { auth: auth(text), ...(channelData !== undefined && { channel_data: channelData }) };
}

export function userAuth(socketId: string, userData: string) {
  return { auth: auth(`${socketId}::user::${userData}`), user_data: userData };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape
type Message = any;

/** A client of single messages. */
export class PusherClient {
  readonly socketId: string;
  readonly client: TestClient;

  private constructor(client: TestClient, socketId: string) {
    this.client = client;
    this.socketId = socketId;
  }

  static async on(client: TestClient): Promise<PusherClient> {
    const { data } = await client.next();
    return new PusherClient(client, JSON.parse(data).socket_id);
  }

  send(event: string, data: unknown, more: object = {}): void {
    this.client.send({ event, data, ...more });
  }

  next(): Promise<Message> {
    return this.client.next();
  }

  /** Subscribes, signed, and gives the first message that comes. @param channelData makes it signed with it */
  subscribe(channel: string, channelData?: string): Promise<Message> {
    this.requestChannel(channel, channelData);
    return this.next();
  }

  requestChannel(channel: string, channelData?: string): void {
    const isSigned = /^pr(?:ivate|esence)-/.test(channel);
    this.send('pusher:subscribe', {
      channel,
      ...(isSigned ? channelAuth(this.socketId, channel, channelData) : { auth: '' }),
    });
  }

  /** As a member of a presence channel. */
  join(channel: string, userId: string | number, userInfo?: unknown): Promise<Message> {
    return this.subscribe(channel, JSON.stringify({ user_id: userId, user_info: userInfo }));
  }

  signIn(user: object): Promise<Message> {
    this.send('pusher:signin', userAuth(this.socketId, JSON.stringify(user)));
    return this.next();
  }

  /** What came up to here, in order: everything sent to this client so far has arrived once this settles. */
  async settle(): Promise<Message[]> {
    await this.client.sentByAll();
    this.send('pusher:ping', {});
    const messages: Message[] = [];
    for (;;) {
      const message = await this.next();
      if (message.event === 'pusher:pong') return messages;
      messages.push(message);
    }
  }
}

/** The library is CommonJS, and its type declarations are of an ES module. */
const Pusher = createRequire(import.meta.url)('pusher-js') as typeof PusherJs.default;

/** The vendor's own client. Its app server answers at once. */
export function pusherJs(service: Service, more: Partial<Options> = {}): InstanceType<typeof Pusher> {
  const { hostname, port } = new URL(service.publicUrl);
  const client = new Pusher(appKey, {
    cluster: 'x',
    wsHost: hostname.replace('localhost', '127.0.0.1'),
    wsPort: Number(port),
    forceTLS: false,
    enableStats: false,
    channelAuthorization: {
      transport: 'ajax',
      endpoint: '',
      customHandler: ({ socketId, channelName }, callback) => callback(null, channelAuth(socketId, channelName)),
    },
    ...more,
  });
  onTestFinished(() => client.disconnect());
  return client;
}

/** The next one of that name. */
export function nextEvent<T = Message>(
  from: {
    bind(event: string, callback: (data: T, metadata?: Message) => void): unknown;
    unbind(event?: string, callback?: (data: T) => void): unknown;
  },
  event: string,
): Promise<T> {
  return new Promise(resolve => {
    const take = (data: T) => {
      from.unbind(event, take);
      resolve(data);
    };
    from.bind(event, take);
  });
}
