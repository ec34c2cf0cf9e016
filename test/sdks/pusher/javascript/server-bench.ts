import { randomBytes } from 'node:crypto';
import Pusher from 'pusher';
import { expect } from './checks.js';

/** The parts of `http://key:secret@host:port/apps/id`. */
export interface Place {
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
  readonly host: string;
  readonly port: string;
}

export function placeOf(pusherUrl: string): Place {
  const { username: key, password: secret, hostname: host, port, pathname } = new URL(pusherUrl);
  return { appId: pathname.split('/')[2] ?? '', key, secret, host, port };
}

export interface Frame {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
}

export interface Webhook {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A client on the runner's side. */
export class Receiver {
  constructor(
    readonly url: string,
    readonly socketId: string,
  ) {}

  async send(event: string, data: unknown, channel?: string): Promise<void> {
    await fetch(this.url, { method: 'POST', body: JSON.stringify({ event, data, channel }) });
  }

  /** The next frame of this event, with its data read. */
  async next(event: string): Promise<Frame> {
    const response = await fetch(`${this.url}/next?event=${encodeURIComponent(event)}`);
    expect(response.ok, `no ${event} came`);
    const frame = (await response.json()) as Frame;
    return { ...frame, data: typeof frame.data === 'string' ? jsonIn(frame.data) : frame.data };
  }

  async closed(): Promise<{ code: number }> {
    const response = await fetch(`${this.url}/close`);
    expect(response.ok, 'the connection was not closed');
    return (await response.json()) as { code: number };
  }

  /** @param authorization what the library signed */
  async subscribe(channel: string, authorization: object = {}): Promise<void> {
    await this.send('pusher:subscribe', { channel, ...authorization });
    await this.next('pusher_internal:subscription_succeeded');
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // the event's data is plain text
  }
}

/** What each check starts from: the library, receivers that end with the check, and names that nobody else uses. */
export class ServerBench {
  readonly pusher: Pusher;
  readonly #receivers: Receiver[] = [];

  constructor(
    readonly place: Place,
    readonly controlUrl: string,
    readonly feature: string,
  ) {
    this.pusher = new Pusher({
      ...place,
      useTLS: false,
      encryptionMasterKeyBase64: randomBytes(32).toString('base64'),
    });
  }

  own(what: string): string {
    return `${what}-${this.feature}-${process.pid}`;
  }

  async receiver(): Promise<Receiver> {
    const response = await fetch(`${this.controlUrl}/receivers`, { method: 'POST' });
    expect(response.ok, 'the service did not greet');
    const { id, socketId } = (await response.json()) as { id: number; socketId: string };
    const receiver = new Receiver(`${this.controlUrl}/receivers/${id}`, socketId);
    this.#receivers.push(receiver);
    return receiver;
  }

  /** A member of a presence channel, with the library's signature. */
  async member(channel: string, userId: string): Promise<Receiver> {
    const receiver = await this.receiver();
    const authorization = this.pusher.authorizeChannel(receiver.socketId, channel, { user_id: userId });
    await receiver.subscribe(channel, authorization);
    return receiver;
  }

  async webhook(name: string, channel: string): Promise<Webhook> {
    const query = new URLSearchParams({ name, channel });
    const response = await fetch(`${this.controlUrl}/webhooks/next?${query}`);
    expect(response.ok, `no webhook with ${name} came`);
    return (await response.json()) as Webhook;
  }

  async drop(receiver: Receiver): Promise<void> {
    await fetch(receiver.url, { method: 'DELETE' });
  }

  async end(): Promise<void> {
    for (const receiver of this.#receivers) await this.drop(receiver);
  }
}
