import { once } from 'node:events';
import { Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { SocketGuard } from '../../../src/listener/socket-guard.js';
import { FakeSocket } from '../../support/fake-socket.js';

const none = Number.POSITIVE_INFINITY;

/** A guard of a server that never listens; `come` is a peer that connects. */
function guarded(limits: { perAddress?: number; unauthenticated?: number } = {}, isProxy = false) {
  const now = { ms: 0 };
  const live = { perAddress: none, unauthenticated: none, ...limits };
  const served: Socket[] = [];
  const notices: string[] = [];
  const server = new Server(socket => void served.push(socket));
  const guard = new SocketGuard({
    limits: { perAddress: () => live.perAddress, unauthenticated: () => live.unauthenticated },
    isProxy: () => isProxy,
    onLimit: message => void notices.push(message),
    monotonicMs: () => now.ms,
  });
  guard.watch(server);
  const come = (address: string | null = '192.0.2.1') => {
    const socket = Object.assign(new FakeSocket(), { remoteAddress: address ?? undefined, remotePort: 1 });
    server.emit('connection', socket.asSocket);
    return socket;
  };
  return { guard, come, served, notices, live, now };
}

describe('[F3] sockets without an authenticated request', () => {
  test('for a new one beyond the limit the oldest goes', async () => {
    const { guard, come, served } = guarded({ unauthenticated: 2 });
    const [first, second, third] = [come(), come(), come()];
    expect([first.destroyed, second.destroyed, third.destroyed]).toEqual([true, false, false]);
    expect(served).toHaveLength(3);
    expect(guard.strangers).toBe(2);
  });

  test('one that is recognised stays, and one that closes makes room', async () => {
    const { guard, come } = guarded({ unauthenticated: 2 });
    const [client, stranger] = [come(), come()];
    guard.recognize(client.asSocket);
    stranger.destroy();
    await once(stranger, 'close');
    expect(guard.strangers).toBe(0);
    const others = [come(), come(), come()];
    expect([client.destroyed, ...others.map(({ destroyed }) => destroyed)]).toEqual([false, true, false, false]);
  });

  test('one that was answered goes after those that are silent', () => {
    const { guard, come } = guarded({ unauthenticated: 4 });
    const [scraper, silent] = [come(), come()];
    guard.answered(scraper.asSocket);
    const others = Array.from({ length: 100 }, () => come());
    expect([scraper.destroyed, silent.destroyed]).toEqual([false, true]);
    expect(others.filter(({ destroyed }) => !destroyed)).toEqual(others.slice(-3));
    expect(guard.strangers).toBe(4);
  });

  test('half of the places are kept for those that were answered, the latest first; a newcomer always has one', () => {
    const { guard, come } = guarded({ unauthenticated: 4 });
    const probes = Array.from({ length: 4 }, () => come());
    for (const probe of [...probes, probes[0]!]) guard.answered(probe.asSocket);
    const newcomers = Array.from({ length: 3 }, () => come());
    expect(newcomers.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
    expect(probes.map(({ destroyed }) => destroyed)).toEqual([false, true, true, false]);
  });

  test('one that is recognised is no stranger again because it is answered', () => {
    const { guard, come } = guarded();
    const client = come();
    guard.recognize(client.asSocket);
    guard.answered(client.asSocket);
    expect(guard.strangers).toBe(0);
  });

  test('a limit that a reload lowers takes effect with the next one', () => {
    const { come, live } = guarded({ unauthenticated: 5 });
    const sockets = [come(), come(), come()];
    live.unauthenticated = 1;
    const last = come();
    expect([...sockets, last].map(({ destroyed }) => destroyed)).toEqual([true, true, true, false]);
  });

  test('[F5] all of them can be ended', () => {
    const { guard, come } = guarded();
    const [client, stranger, probe] = [come(), come(), come()];
    guard.recognize(client.asSocket);
    guard.answered(probe.asSocket);
    guard.dropStrangers();
    expect([client.destroyed, stranger.destroyed, probe.destroyed]).toEqual([false, true, true]);
  });

  test('operators are told, once a minute', () => {
    const { come, notices, now } = guarded({ unauthenticated: 1 });
    for (let count = 0; count < 5; count += 1) come();
    expect(notices).toEqual([expect.stringContaining('limits.unauthenticatedConnections')]);
    now.ms = 60_000;
    come();
    expect(notices).toHaveLength(2);
  });
});

describe('[F15] sockets of one address', () => {
  test('beyond the limit are answered 429 with Retry-After, and never reach the server', async () => {
    const { come, served, notices } = guarded({ perAddress: 2 });
    const [, , third] = [come(), come(), come()];
    expect(served).toHaveLength(2);
    expect(third.written.toString()).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\n[\s\S]*Retry-After: 5\r\n/);
    expect(notices).toEqual([expect.stringMatching(/192\.0\.2\.1 has 2 connections.*limits\.connectionsPerAddress/)]);
    third.push(null); // the peer has read it
    third.resume();
    await once(third, 'close');
  });

  test('another address has its own', () => {
    const { come, served } = guarded({ perAddress: 1 });
    come('192.0.2.1');
    come('192.0.2.2');
    come('2001:db8::1');
    come('2001:db8::ffff'); // of the same network
    expect(served).toHaveLength(3);
  });

  test('one that closes makes room, whether recognised or not', async () => {
    const { guard, come, served } = guarded({ perAddress: 1 });
    const first = come();
    guard.recognize(first.asSocket);
    first.destroy();
    await once(first, 'close');
    come();
    expect(served).toHaveLength(2);
  });

  test('behind a proxy the sockets of the proxy do not count, but those that are claimed for a client', async () => {
    const { guard, come, served } = guarded({ perAddress: 1 }, true);
    const [first, second, third] = [come('10.0.0.1'), come('10.0.0.1'), come('10.0.0.1')];
    expect(served).toHaveLength(3);
    expect(guard.claim(first.asSocket, '203.0.113.9')).toBe(true);
    expect(guard.claim(second.asSocket, '203.0.113.9')).toBe(false);
    expect(guard.claim(third.asSocket, '203.0.113.10')).toBe(true);
    first.destroy();
    await once(first, 'close');
    expect(guard.claim(second.asSocket, '203.0.113.9')).toBe(true);
  });

  test('a limit that comes with a reload counts from then on', async () => {
    const { come, served, live } = guarded();
    const before = [come(), come()];
    live.perAddress = 1;
    come();
    before[0]?.destroy(); // was not counted: nothing is made up for it
    await once(before[0] as FakeSocket, 'close');
    come();
    expect(served).toHaveLength(3);
  });
});

test('a socket that is gone already is not served', () => {
  const { come, served } = guarded();
  expect(come(null).destroyed).toBe(true);
  expect(served).toHaveLength(0);
});
