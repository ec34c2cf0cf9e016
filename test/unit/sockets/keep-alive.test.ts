import { beforeEach, describe, expect, test } from 'vitest';
import { Frame } from '../../../src/frames/frames.js';
import { KeepAlive } from '../../../src/sockets/keep-alive.js';
import { EventLoopTurn } from '../../../src/sockets/turn.js';
import { settled } from '../../support/fake-ports.js';
import { FakeSocket, FakeWebSocket } from '../../support/fake-socket.js';
import { ManualClock } from '../../support/manual-clock.js';

let clock: ManualClock;
let keepAlive: KeepAlive;
/** Of the real event loop, which the test lets pass. */
let nowMs: number;

beforeEach(() => {
  clock = new ManualClock();
  nowMs = 0;
  keepAlive = new KeepAlive(clock, new EventLoopTurn({ monotonicMs: () => nowMs }));
});

/** A peer that says nothing by itself. */
function watch(intervalMs: number | (() => number) = 20_000) {
  const ws = new FakeWebSocket();
  const socket = new FakeSocket();
  const silent: number[] = [];
  const startMs = clock.monotonicMs();
  const peer = {
    ws: ws.asWebSocket,
    socket: socket.asSocket,
    get intervalMs() {
      return typeof intervalMs === 'number' ? intervalMs : intervalMs();
    },
    onSilent: () => void silent.push(clock.monotonicMs() - startMs),
  };
  const watched = keepAlive.watch(peer);
  return { ws, socket, silent, watched, unwatch: () => keepAlive.unwatch(watched) };
}

const pings = (ws: FakeWebSocket) => ws.asked.filter(call => call === 'ping').length;

describe('[client-protocols 8.2] keep-alive', () => {
  test('refers to no peer that is silent or not watched any more', () => {
    const [left, silent] = [watch(), watch()];
    left.unwatch();
    clock.advance(60_000);
    expect([left.watched.peer, silent.watched.peer]).toEqual([undefined, undefined]);
  });

  test('pings once per interval', () => {
    const { ws, socket } = watch();
    clock.advance(19_000);
    expect(pings(ws)).toBe(0);
    for (let count = 1; count <= 5; count += 1) {
      clock.advance(count === 1 ? 1_000 : 20_000);
      expect(pings(ws)).toBe(count);
      socket.bytesRead += 6; // the pong
    }
  });

  test('gives up, once, on a peer that is silent for three intervals', () => {
    const { ws, silent } = watch();
    clock.advance(59_000);
    expect(silent).toEqual([]);
    clock.advance(1_000);
    expect(silent).toEqual([60_000]);
    clock.advance(600_000);
    expect(silent).toEqual([60_000]);
    expect(pings(ws)).toBe(2);
  });

  test('[F4] pings one that is not read from every two seconds: only a write shows that its peer has gone', () => {
    const { ws, silent } = watch();
    ws.isPaused = true;
    clock.advance(20_000);
    expect(pings(ws)).toBe(10);
    ws.isPaused = false;
    clock.advance(19_000);
    expect([pings(ws), silent]).toEqual([10, []]);
  });

  test('any byte is a sign of life', () => {
    const { socket, silent } = watch();
    for (let count = 0; count < 10; count += 1) {
      clock.advance(59_000);
      socket.bytesRead += 1;
    }
    expect(silent).toEqual([]);
    clock.advance(61_000);
    expect(silent).toHaveLength(1);
  });

  test('a socket that is not read from cannot show any, and is not given up', () => {
    const { ws, silent } = watch();
    ws.isPaused = true;
    clock.advance(600_000);
    expect(silent).toEqual([]);
    ws.isPaused = false;
    clock.advance(59_000);
    expect(silent).toEqual([]);
    clock.advance(1_000);
    expect(silent).toHaveLength(1);
  });

  test('one that is closing is not pinged, but watched', () => {
    const { ws, silent } = watch();
    ws.readyState = 2;
    clock.advance(60_000);
    expect([pings(ws), silent.length]).toEqual([0, 1]);
  });

  test('a changed interval applies to open sockets', () => {
    let intervalMs = 120_000;
    const { ws, silent } = watch(() => intervalMs);
    clock.advance(60_000);
    expect(pings(ws)).toBe(0);
    intervalMs = 30_000;
    clock.advance(1_000);
    expect(pings(ws)).toBe(1);
    clock.advance(29_000);
    expect(silent).toHaveLength(1);
  });

  test('each hub has its own', () => {
    const [fast, slow] = [watch(1_000), watch(10_000)];
    clock.advance(3_000);
    expect([fast.silent.length, slow.silent.length]).toEqual([1, 0]);
    clock.advance(27_000);
    expect([pings(slow.ws), slow.silent.length]).toEqual([2, 1]);
  });
});

describe('[F7] what is no silence of the peer', () => {
  test.each([90_000, -3_600_000])('a step of the wall clock by %i ms: nobody is given up, and pings go on', stepMs => {
    const { ws, socket, silent } = watch();
    clock.advance(19_000);
    clock.stepWall(stepMs);
    for (let count = 1; count <= 5; count += 1) {
      clock.advance(count === 1 ? 1_000 : 20_000);
      expect(pings(ws)).toBe(count);
      socket.bytesRead += 6; // the pong
    }
    expect(silent).toEqual([]);
  });

  test('a pause of the process, in which it could neither ping nor read', () => {
    const { ws, silent } = watch();
    clock.advance(10_000);
    clock.pause(600_000);
    clock.advance(0);
    expect([pings(ws), silent]).toEqual([0, []]);
    clock.advance(60_000);
    expect([pings(ws), silent.length]).toEqual([2, 1]); // silent before the pause, and after it
  });

  test('one that connects right after a pause is watched as any other', () => {
    watch();
    clock.pause(600_000);
    const { ws, silent } = watch();
    clock.advance(20_000);
    expect(pings(ws)).toBe(1);
    clock.advance(40_000);
    expect(silent).toHaveLength(1);
  });

  test('sweeps that come late by a busy event loop count in full', () => {
    const { silent } = watch(1_000);
    clock.pause(3_000);
    clock.advance(0);
    expect(silent).toEqual([3_000]);
  });
});

describe('one timer', () => {
  test('serves all sockets, and rests while there are none', () => {
    const watched = Array.from({ length: 100 }, () => watch());
    expect(clock.pending).toBe(1);
    for (const { unwatch } of watched) unwatch();
    clock.advance(2_000);
    expect(clock.pending).toBe(0);
    const again = watch();
    clock.advance(20_000);
    expect(pings(again.ws)).toBe(1);
    expect(watched.every(({ ws }) => pings(ws) === 0)).toBe(true);
  });

  test('ends with everything', () => {
    const { ws, silent } = watch();
    keepAlive.stop();
    expect(clock.pending).toBe(0);
    clock.advance(600_000);
    expect([ws.asked, silent]).toEqual([[], []]);
  });
});

describe('[PW §3.7] a peer that is pinged with messages', () => {
  const messagePing = { frames: new Frame(false, Buffer.from('ping')), afterMs: 120_000, answerWithinMs: 30_000 };

  function watchMessages() {
    const [ws, socket] = [new FakeWebSocket(), new FakeSocket()];
    const startMs = clock.monotonicMs();
    const seen: string[] = [];
    const see = (what: string) => seen.push(`${what} at ${clock.monotonicMs() - startMs}`);
    keepAlive.watch({
      ws: ws.asWebSocket,
      socket: socket.asSocket,
      intervalMs: 20_000,
      messagePing,
      sendPing: () => see('pinged'),
      onSilent: () => see('silent'),
    });
    return { ws, socket, seen };
  }

  test('once it is silent for long, and given up when it does not answer', () => {
    const { ws, seen } = watchMessages();
    clock.advance(600_000);
    expect([seen, pings(ws)]).toEqual([['pinged at 120000', 'silent at 150000'], 0]);
  });

  test('not while anything comes from it', () => {
    const { socket, seen } = watchMessages();
    for (let round = 0; round < 5; round += 1) {
      clock.advance(119_000);
      socket.bytesRead += 1;
    }
    expect(seen).toEqual([]);
  });

  test('again after an answer and another silence', () => {
    const { socket, seen } = watchMessages();
    clock.advance(140_500);
    socket.bytesRead += 1;
    clock.advance(150_000);
    expect(seen).toEqual(['pinged at 120000', 'pinged at 261000']);
  });
});

describe('[F12] a sweep over many sockets', () => {
  /** Peers whose pings take 1 ms each. */
  const watchMany = (count: number) =>
    Array.from({ length: count }, () => {
      const peer = watch(1_000);
      const { ws } = peer;
      const ping = ws.ping.bind(ws);
      ws.ping = () => {
        nowMs += 1;
        ping();
      };
      return peer;
    });
  const pinged = (peers: ReturnType<typeof watchMany>) => peers.filter(({ ws }) => pings(ws) > 0).length;

  test('lets the event loop turn, and goes on', async () => {
    const peers = watchMany(300);
    clock.advance(1_000);
    for (const count of [64, 128, 192, 256, 300]) {
      expect(pinged(peers)).toBe(count);
      await settled();
    }
    expect(peers.map(({ ws }) => pings(ws))).toEqual(Array(300).fill(1));
    clock.advance(1_000);
    for (let turns = 0; turns < 5; turns += 1) await settled();
    expect(peers.map(({ ws }) => pings(ws))).toEqual(Array(300).fill(2));
  });

  test('pings all of them at each interval, although timers come early, as Node’s do that are set late in a turn', async () => {
    const early = {
      monotonicMs: () => clock.monotonicMs(),
      after: (ms: number, run: () => void) => clock.after(ms - 10, run),
    };
    keepAlive = new KeepAlive(Object.assign(new ManualClock(), early), new EventLoopTurn({ monotonicMs: () => nowMs }));
    const peers = watchMany(100);
    for (let sweep = 1; sweep <= 5; sweep += 1) {
      clock.advance(clock.nextInMs ?? 0);
      while (clock.nextInMs === undefined) await settled();
      expect(peers.map(({ ws }) => pings(ws))).toEqual(Array(100).fill(sweep));
      for (const { socket } of peers) socket.bytesRead += 6; // the pong
    }
  });

  test('sees who comes and goes meanwhile, and ends with the service', async () => {
    const peers = watchMany(300);
    clock.advance(1_000);
    for (const { unwatch } of peers.slice(100, 200)) unwatch();
    watch(1_000);
    expect(clock.pending).toBe(0);
    for (let turns = 0; turns < 5; turns += 1) await settled();
    expect([pinged(peers), clock.pending]).toEqual([200, 1]);
    clock.advance(1_000);
    keepAlive.stop();
    await settled();
    expect(clock.pending).toBe(0);
  });
});
