import { connect, type Socket } from 'node:net';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { expect, onTestFinished, test } from 'vitest';
import { startService } from '../support/hubwire-process.js';

const yaml = `
hubs:
  chat:
    anonymousConnectPolicy: allow
limits:
  membershipsPerCall: 2500000
`;

/** More memberships together than elements that Promise.all takes, 2²¹. */
const clientCount = 2_000;
const groups = Array.from({ length: 1_050 }, (_, index) => `g${index}`);

/** Under load the machine may hold up both ends; without slices one turn of such a call takes 3 s and more. */
const slowestHealthMs = 1_000;

/** A client that takes part as little as it can: it reads nothing but the answer to its handshake, and the end. */
class SilentClient {
  /** Settles when the service has ended the connection. */
  readonly ended: Promise<void>;

  private constructor(socket: Socket) {
    socket.resume();
    this.ended = new Promise(resolve => {
      socket.once('close', () => resolve());
    });
  }

  static open(url: URL): Promise<SilentClient> {
    const socket = connect(Number(url.port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(
      `GET /client/hubs/chat HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('data', (bytes: Buffer) => {
        if (!bytes.toString('latin1').startsWith('HTTP/1.1 101')) reject(new Error(bytes.toString('latin1')));
        socket.on('data', (more: Buffer) => {
          if (more[0] === 0x88) socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0])); // the answer to its Close frame
        });
        resolve(new SilentClient(socket));
      });
    });
  }
}

/** Looks at `/healthz` again and again while the work goes on. Answers how long each look took. */
async function healthDuring(adminUrl: string, work: Promise<unknown>): Promise<number[]> {
  const looksMs: number[] = [];
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const startMs = performance.now();
    expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200);
    looksMs.push(performance.now() - startMs);
  }
  await work;
  return looksMs;
}

test('[F2] [F12] joins, leaves and closes of thousands end, and the service answers all the while', async () => {
  const { publicUrl, adminUrl, connectionString } = await startService(yaml);
  const chat = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });
  const clients: SilentClient[] = [];
  while (clients.length < clientCount)
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => SilentClient.open(new URL(publicUrl))))));

  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    join: () => chat.addConnectionsToGroups(groups, 'userId eq null'),
    leave: () => chat.removeConnectionsFromGroups(groups.slice(1), 'userId eq null'),
    close: () => chat.group('g0').closeAllConnections(),
  };
  let looks = 0;
  for (const [name, call] of Object.entries(calls)) {
    if (name === 'leave') {
      const refused = chat.addConnectionsToGroups([...groups, ...groups.map(group => `${group}x`)], '');
      await expect(refused).rejects.toMatchObject({
        statusCode: 400,
        message: expect.stringContaining('2000 connections × 2100 groups'),
      });
      expect(await chat.groupExists('g1x')).toBe(false);
      expect(await chat.groupExists('g1049')).toBe(true);
    }
    const looksMs = await healthDuring(adminUrl, call());
    looks += looksMs.length;
    expect(Math.max(...looksMs)).toBeLessThan(slowestHealthMs);
  }
  expect(looks).toBeGreaterThan(6); // a fast machine ends some calls within a look or two
  expect(await chat.groupExists('g1049')).toBe(false);
  await Promise.all(clients.map(({ ended }) => ended));
  expect(await chat.groupExists('g0')).toBe(false);
}, 60_000);
