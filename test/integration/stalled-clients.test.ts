import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { nextNumbered, recoveryQuery, reliableProtocol, type Session } from '../support/reliable-client.js';
import { jsonProtocol, type TestClient } from '../support/test-client.js';

/** What one session keeps is 9 MB: the kernel takes less than that for a client that reads nothing. */
const text = 'x'.repeat(30_000);
const messages = 300;

/** More than a session may keep, 16 MiB. */
const tooMany = 580;

/** A client made of bytes, which reads what it is told to read. */
class ByteClient {
  readonly socket: Socket;
  /** Of its session, once it is connected. */
  readonly connected: Promise<Session>;
  #bytesRead = 0;
  #head: string | undefined = '';
  #awaited: { readonly bytes: number; readonly tell: () => void } | undefined;

  constructor(url: string, protocol: string) {
    const { hostname, port, host, pathname, search } = new URL(url.replace(/^ws/, 'http'));
    this.socket = connect(Number(port), hostname);
    onTestFinished(() => void this.socket.destroy());
    this.socket.on('error', () => {}); // the service may cut it off
    this.connected = new Promise(resolve => {
      this.socket.on('data', bytes => this.#read(bytes, resolve));
    });
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const key = ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `Sec-WebSocket-Protocol: ${protocol}`];
    this.socket.write([`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...upgrade, ...key, '', ''].join('\r\n'));
  }

  /** Settles once so many bytes have come. */
  reads(bytes: number): Promise<void> {
    if (this.#bytesRead >= bytes) return Promise.resolve();
    return new Promise(tell => {
      this.#awaited = { bytes, tell };
    });
  }

  #read(bytes: Buffer, tell: (session: Session) => void): void {
    this.#bytesRead += bytes.length;
    if (this.#awaited !== undefined && this.#bytesRead >= this.#awaited.bytes) this.#awaited.tell();
    if (this.#head === undefined) return;
    this.#head += bytes.toString('latin1');
    const [connectionId, token] = ['connectionId', 'reconnectionToken'].map(name => saidOf(this.#head ?? '', name));
    if (connectionId === undefined) return;
    this.#head = undefined;
    tell({ connectionId, token: token ?? '' });
  }
}

function saidOf(json: string, name: string): string | undefined {
  return new RegExp(`"event":"connected".*"${name}":"([^"]+)"`).exec(json)?.[1];
}

/** The most of the process's memory and of the time for which its event loop stood still, since the last `restart`. */
class Meter {
  readonly #url: string;
  #isRunning = true;
  #looks = 0;
  #megabytes = 0;
  #lagMs = 0;

  constructor({ adminUrl }: RunningService) {
    this.#url = `${adminUrl}/metrics`;
    onTestFinished(() => {
      this.#isRunning = false;
    });
    void this.#watch();
  }

  /** Settles once it has looked so many times more. */
  async looks(count: number): Promise<void> {
    for (const until = this.#looks + count; this.#isRunning && this.#looks < until; ) await delay(10);
  }

  /** Forgets what was before this moment. */
  async restart(): Promise<void> {
    await this.#look();
    this.#megabytes = 0;
    this.#lagMs = 0;
    await this.#look();
  }

  get most(): { readonly megabytes: number; readonly lagMs: number } {
    return { megabytes: this.#megabytes, lagMs: this.#lagMs };
  }

  async #watch(): Promise<void> {
    while (this.#isRunning) {
      await this.#look().catch(() => {
        this.#isRunning = false; // it has ended
      });
      await delay(25);
    }
  }

  /** The service measures the longest lag anew from each look on. */
  async #look(): Promise<void> {
    const metrics = await (await fetch(this.#url)).text();
    this.#looks += 1;
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
    this.#megabytes = Math.max(this.#megabytes, value('process_resident_memory_bytes') / 1e6);
    this.#lagMs = Math.max(this.#lagMs, value('nodejs_eventloop_lag_max_seconds') * 1e3);
  }
}

/** A service with so many clients in group `g` that have stopped reading, and a publisher. */
async function startStalled(count: number, protocol: string) {
  const service = await startService('hubs: { chat: {} }');
  const publisher = await service.dial({ token: { roles: ['webpubsub.sendToGroup'] } });
  await publisher.next();
  const url = service.clientUrl({ groups: ['g'] });
  const clients = Array.from({ length: count }, () => new ByteClient(url, protocol));
  const sessions = await Promise.all(clients.map(client => client.connected));
  for (const { socket } of clients) socket.pause();
  const app = new WebPubSubServiceClient(service.connectionString, 'chat', { allowInsecureConnection: true });
  return { service, publisher, clients, sessions, app, meter: new Meter(service) };
}

/** Sends it to the group, one message after another. */
async function publish(publisher: TestClient, from: number, to: number): Promise<void> {
  for (let ackId = from; ackId <= to; ackId += 1) {
    publisher.send({ type: 'sendToGroup', group: 'g', dataType: 'text', data: text, ackId });
    expect(await publisher.next()).toMatchObject({ ackId, success: true });
  }
}

describe('[F1] many clients that have stopped reading, with 9 MB waiting for each of them', () => {
  const count = 60;

  test.each([
    ['SlowClient', reliableProtocol],
    ['REST', reliableProtocol],
    ['SIGTERM', reliableProtocol],
    ['REST', jsonProtocol],
  ])('an end by %s of those of %s takes no memory', async (end, protocol) => {
    const { service, publisher, app, meter } = await startStalled(count, protocol);
    await publish(publisher, 1, messages);
    await meter.restart();
    const before = meter.most.megabytes;
    if (end === 'SlowClient') await publish(publisher, messages + 1, tooMany);
    if (end === 'REST') await app.closeAllConnections();
    if (end === 'SIGTERM') {
      service.process.signal('SIGTERM');
      expect(await service.process.exit).toEqual({ code: 0, signal: null });
    }
    await meter.looks(4);
    if (end !== 'SIGTERM') expect(await app.groupExists('g')).toBe(false);
    expect(meter.most.megabytes / before).toBeLessThan(1.5); // with a copy of all that waits for each it was 3 and more
  });
});

test('[F1] [F12] many sessions of 9 MB that recover at once take turns: all is replayed in order, in little memory, and the service answers', async () => {
  const count = 80;
  const { service, publisher, clients, sessions, meter } = await startStalled(count, reliableProtocol);
  await publish(publisher, 1, messages);
  for (const { socket } of clients) socket.destroy();
  await meter.restart();
  const before = meter.most.megabytes;
  const urlOf = (session: Session) => `${service.publicUrl}/client/hubs/chat?${recoveryQuery(session)}`;
  const back = sessions.slice(1).map(session => new ByteClient(urlOf(session), reliableProtocol));
  const checked = await service.dial({
    protocols: [reliableProtocol],
    token: null,
    query: recoveryQuery(sessions[0] as Session),
  });
  expect(await checked.next()).toMatchObject({ event: 'connected' });
  const heard = await nextNumbered(checked, messages);
  expect(heard).toEqual(heard.map((_, index) => [index + 1, text]));
  await Promise.all(back.map(client => client.reads(messages * text.length)));
  expect(meter.most.lagMs).toBeLessThan(250);
  expect(meter.most.megabytes / before).toBeLessThan(2);
});
