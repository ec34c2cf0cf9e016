import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { flushed } from '../../src/nats/flush.js';
import { FlushWindow } from '../../src/nats/flush-window.js';
import type { Link } from '../../src/nats/link.js';
import { eventually } from '../support/eventually.js';
import { newLink } from '../support/nats-link.js';
import { type NatsServer, startNats } from '../support/nats-server.js';
import { startProxy } from '../support/tcp-proxy.js';

/** Port of the server that the link is connected to; undefined while there is none. */
function portOf(link: Link): number | undefined {
  const server = link.connection?.getServer();
  return server === undefined ? undefined : Number(server.split(':').at(-1));
}

function startTwo(context: TestContext): Promise<[NatsServer, NatsServer]> {
  const start = () => startNats(context, { jetStream: false });
  return Promise.all([start(), start()]);
}

/** The next connection that the link makes. */
function nextConnection(link: Link): Promise<NatsConnection> {
  return new Promise(resolve => {
    const remove = link.listen({
      connected: connection => {
        remove();
        resolve(connection);
      },
    });
  });
}

describe('a link', () => {
  test('waits for a server, says once for what, and connects when it is there', async context => {
    const server = await startNats(context, { jetStream: false });
    await server.kill();
    const { link, told } = newLink([server.url]);
    const started = link.start();
    await eventually(() => expect(told.all).toHaveLength(1));
    await server.start();
    const connection = await started;
    await connection.flush();
    expect(link.connection).toBe(connection);
    const name = `127.0.0.1:${server.port}`;
    expect(told.lines).toEqual([`unreachable ${name}: connection refused`, `connected ${name}`]);
  });

  test('[CL-015] goes on when a proxy accepts and closes without a word, as its server is away', async context => {
    const server = await startNats(context, { jetStream: false });
    const proxy = await startProxy(server.port);
    await server.kill();
    const { link, told } = newLink([`nats://127.0.0.1:${proxy.port}`]);
    const started = link.start();
    await eventually(() => expect(proxy.accepted).toBeGreaterThan(2));
    await server.start();
    await (await started).flush();
    const name = `127.0.0.1:${proxy.port}`;
    const closed = `unreachable ${name}: the connection was closed before anything came`;
    expect(told.lines).toEqual([closed, `connected ${name}`]);
  });

  test('that is closed before there is a server gives up', async context => {
    const server = await startNats(context, { jetStream: false });
    await server.kill();
    const { link } = newLink([server.url]);
    const started = expect(link.start()).rejects.toThrow('closed before there was one');
    await link.close();
    await started;
  });

  test('sends what waits when it is closed', async context => {
    const server = await startNats(context, { jetStream: false });
    const other = await connect({ servers: server.url });
    onTestFinished(() => other.close());
    let received = 0;
    other.subscribe('a', {
      callback: () => {
        received += 1;
      },
    });
    await other.flush();
    const { link } = newLink([server.url]);
    const connection = await link.start();
    for (let count = 0; count < 1_000; count += 1) connection.publish('a', 'x'.repeat(1_000));
    await link.close();
    expect(connection.isClosed()).toBe(true);
    await eventually(() => expect(received).toBe(1_000));
  });

  test('does not get what it sent itself, on the bus', async context => {
    const server = await startNats(context, { jetStream: false });
    const [bus, store] = [newLink([server.url]), newLink([server.url], { purpose: 'store' })];
    const counts = await Promise.all(
      [bus, store].map(async ({ link }) => {
        const connection = await link.start();
        const received: string[] = [];
        connection.subscribe('echo.*', { callback: (_error, { subject }) => void received.push(subject) });
        connection.publish(`echo.${link.purpose}`);
        await connection.flush();
        return received.filter(subject => subject === `echo.${link.purpose}`).length;
      }),
    );
    expect(counts).toEqual([0, 1]);
  });

  test('[CL-015] connects to the next server at once when its own is killed, and tells the listeners', async context => {
    const [first, second] = await startTwo(context);
    const { link, told } = newLink([first.url, second.url]);
    await link.start();
    const lost: string[] = [];
    link.listen({ connected() {}, lost: reason => void lost.push(reason) });
    const again = nextConnection(link);
    await first.kill();
    const connection = await again;
    expect(portOf(link)).toBe(second.port);
    await connection.flush();
    expect(lost).toEqual(['the server has closed the connection']);
    expect(told.lines).toEqual([
      `connected 127.0.0.1:${first.port}`,
      `lost 127.0.0.1:${first.port}: the server has closed the connection`,
      `connected 127.0.0.1:${second.port}`,
    ]);
  });

  test('[CL-012] leaves a server that stops reading, with unsent bytes, within 5 s', async context => {
    const [first, second] = await startTwo(context);
    const proxy = await startProxy(first.port);
    const { link } = newLink([`nats://127.0.0.1:${proxy.port}`, second.url]);
    const connection = await link.start();
    proxy.stopReading();
    const stoppedMs = performance.now();
    for (let count = 0; count < 16; count += 1) connection.publish('a', new Uint8Array(512 * 1_024));
    const again = await nextConnection(link);
    expect(performance.now() - stoppedMs).toBeLessThan(5_000);
    expect(portOf(link)).toBe(second.port);
    await again.flush();
    expect(connection.isClosed()).toBe(true);
  });

  test.for(['fromClient', 'fromService'] as const)(
    '[CL-012] or whose network drops what comes %s',
    async (way, context) => {
      const [first, second] = await startTwo(context);
      const proxy = await startProxy(first.port);
      const { link } = newLink([`nats://127.0.0.1:${proxy.port}`, second.url]);
      await link.start();
      proxy.stopReading(way);
      const stoppedMs = performance.now();
      await nextConnection(link);
      expect(performance.now() - stoppedMs).toBeLessThan(5_000);
    },
  );

  test('[CL-012] or that stands still, and keeps no socket of the attempts to reach it again', async context => {
    const server = await startNats(context, { jetStream: false });
    const proxy = await startProxy(server.port);
    const { link, told } = newLink([`nats://127.0.0.1:${proxy.port}`]);
    await link.start();
    server.pause();
    await eventually(() => expect(told.lines.at(-1)).toMatch(/^unreachable .*: no answer within 2 s$/));
    await eventually(() => expect(proxy.accepted).toBeGreaterThanOrEqual(4));
    expect(proxy.size).toBeLessThanOrEqual(2);
    const again = nextConnection(link);
    server.resume();
    await (await again).flush();
    await eventually(() => expect(proxy.size).toBe(1));
  });

  test.for([['SSH-2.0-OpenSSH_9.2\r\n'], ['IN', 'NO\r\n'], ['INFO {"server_id"', ':\r\n']])(
    'says so where what answers is not a NATS server: %j',
    async parts => {
      const server = createServer(async socket => {
        for (const part of parts) await new Promise(written => void socket.write(part, written));
        socket.end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      const { link, told } = newLink([`nats://127.0.0.1:${(server.address() as AddressInfo).port}`]);
      link.start().catch(() => {});
      await eventually(() =>
        expect(told.lines[0]).toMatch(/^unreachable .*: what answers there is not a NATS server$/),
      );
    },
  );

  test('one that throws is a fault that is told, and disturbs nobody', async context => {
    const server = await startNats(context, { jetStream: false });
    const { link, told } = newLink([server.url]);
    link.listen({
      connected: () => {
        throw new Error('broken');
      },
    });
    await (await link.start()).flush();
    expect(told.lines).toContain('fault: a listener of the NATS connection (bus): Error: broken');
  });
});

describe('what is sent while a server stops reading', () => {
  test('[CL-013] is at most 8 MiB; the rest is sent at the next server, from what was confirmed on', async context => {
    const [first, second] = await startTwo(context);
    const received = await numbersAt(second);
    const proxy = await startProxy(first.port);
    const { link } = newLink([`nats://127.0.0.1:${proxy.port}`, second.url]);
    const sender = new WindowedSender(await link.start());
    link.listen({ connected: connection => sender.use(connection), lost: () => sender.use(undefined) });
    await eventually(() => expect(sender.window.confirmed).toBeGreaterThan(4 * mib));
    proxy.stopReading();
    await nextConnection(link);
    expect(sender.mostWaiting).toBeLessThanOrEqual(8 * mib);
    expect(sender.mostWaiting).toBeGreaterThan(7 * mib);
    sender.stop();
    const last = sender.sent;
    await eventually(() => expect(sender.window.confirmed).toBe(sender.window.given));
    await eventually(() => expect(received.at(-1)).toBe(last));
    // The first server took what it had confirmed, and perhaps some of what followed.
    expect(received).toEqual(Array.from({ length: received.length }, (_, index) => received[0]! + index));
    expect(received[0]).toBeLessThanOrEqual(sender.confirmedAtSwitch + 1);
  });

  test('is not flushed, which is known at once when the connection ends', async context => {
    const [first, second] = await startTwo(context);
    const proxy = await startProxy(first.port);
    const { link } = newLink([`nats://127.0.0.1:${proxy.port}`, second.url]);
    const connection = await link.start();
    expect(await flushed(connection, 5_000, systemClock)).toBe(true);
    proxy.stopReading();
    connection.publish('a', 'b');
    expect(await flushed(connection, 50, systemClock)).toBe(false);
    const ends = Promise.all([flushed(connection, 60_000, systemClock), nextConnection(link)]);
    expect((await ends)[0]).toBe(false);
    expect(await flushed(connection, 60_000, systemClock)).toBe(false);
  });
});

const mib = 1_024 * 1_024;
const messageBytes = 64 * 1_024;

/** Publishes numbers for as long as they fit, and again from what was confirmed when the connection is another. */
class WindowedSender {
  readonly window = new FlushWindow(systemClock);
  mostWaiting = 0;
  confirmedAtSwitch = 0;
  sent = 0;
  #connection: NatsConnection | undefined;
  #isStopped = false;

  constructor(connection: NatsConnection) {
    this.window.onConfirmed = () => setImmediate(() => this.#send());
    this.use(connection);
  }

  use(connection: NatsConnection | undefined): void {
    this.window.use(connection);
    this.#connection = connection;
    this.confirmedAtSwitch = this.window.confirmed / messageBytes;
    this.sent = this.confirmedAtSwitch;
    this.#send();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #send(): void {
    while (!this.#isStopped && this.#connection !== undefined && this.window.fits(messageBytes)) {
      this.sent += 1;
      const payload = Buffer.alloc(messageBytes);
      payload.writeUInt32BE(this.sent);
      this.#connection.publish('numbers', payload);
      this.window.add(messageBytes);
      this.mostWaiting = Math.max(this.mostWaiting, this.window.given - this.window.confirmed);
    }
  }
}

/** The numbers that arrive there. */
async function numbersAt(server: NatsServer): Promise<number[]> {
  const connection = await connect({ servers: server.url });
  onTestFinished(() => connection.close());
  const received: number[] = [];
  connection.subscribe('numbers', {
    callback: (_error, { data }) => void received.push(Buffer.from(data).readUInt32BE()),
  });
  await connection.flush();
  return received;
}

describe('[CL-016] a server in lame duck mode', () => {
  const settings = 'lame_duck_grace_period: "1s", lame_duck_duration: "30s"';

  /** The first connection, once the server is through with its first ping: it warns no client before that. */
  async function pinged(link: Link): Promise<NatsConnection> {
    const connection = await link.start();
    await connection.flush();
    return connection;
  }

  test('is left once the listeners have moved to another', async context => {
    const [first, second] = await Promise.all([
      startNats(context, { jetStream: false, settings }),
      startNats(context, { jetStream: false }),
    ]);
    const { link, told } = newLink([first.url, second.url]);
    const old = await pinged(link);
    const calls: string[] = [];
    const moved = new Promise<NatsConnection>(resolve => {
      link.listen({
        connected: () => void calls.push('connected'),
        lost: () => void calls.push('lost'),
        leaving: async next => {
          calls.push('leaving');
          expect(old.isClosed()).toBe(false);
          expect(link.connection).toBe(old);
          await next.flush();
          resolve(next);
        },
      });
    });
    const simple = nextConnection(link);
    first.lameDuck();
    const next = await moved;
    expect(await simple).toBe(next);
    expect(link.connection).toBe(next);
    expect(portOf(link)).toBe(second.port);
    await old.closed();
    await next.flush();
    expect(calls).toEqual(['leaving']);
    expect(told.lines).toEqual([
      `connected 127.0.0.1:${first.port}`,
      `leaving 127.0.0.1:${first.port}`,
      `connected 127.0.0.1:${second.port}`,
    ]);
  });

  test('is closed with the next one when the link is closed during the move', async context => {
    const [first, second] = await Promise.all([
      startNats(context, { jetStream: false, settings }),
      startNats(context, { jetStream: false }),
    ]);
    const { link, told } = newLink([first.url, second.url]);
    await pinged(link);
    const closed = new Promise<NatsConnection>((resolve, reject) => {
      const leaving = async (next: NatsConnection) => void link.close().then(() => resolve(next), reject);
      link.listen({ connected: () => {}, leaving });
    });
    first.lameDuck();
    expect((await closed).isClosed()).toBe(true);
    expect(told.all.map(({ kind }) => kind)).toEqual(['connected', 'leaving']);
  });

  test('is kept until it ends where there is no other', async context => {
    const server = await startNats(context, { jetStream: false, settings });
    const { link, told } = newLink([server.url]);
    await pinged(link);
    server.lameDuck();
    await eventually(() => expect(told.lines.at(-1)).toMatch(/^unreachable .*: connection refused$/));
    expect(told.all.map(({ kind }) => kind)).toEqual(['connected', 'leaving', 'lost', 'unreachable']);
  });
});
