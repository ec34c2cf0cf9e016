import { describe, expect, test } from 'vitest';
import { Frame } from '../../../src/protocols/frames.js';
import { SocketOutlet } from '../../../src/sockets/socket-outlet.js';
import { EventLoopTurn } from '../../../src/sockets/turn.js';
import { settled } from '../../support/fake-ports.js';
import { FakeSocket, FakeWebSocket } from '../../support/fake-socket.js';
import { ManualClock } from '../../support/manual-clock.js';

const kibibyte = 1024;
const roomy = { maxMessages: 1_000, maxBytes: 16 * kibibyte * kibibyte };

function setup({ limits = roomy, turn = new EventLoopTurn(), socket = new FakeSocket() } = {}) {
  const clock = new ManualClock();
  const ws = new FakeWebSocket();
  const slow: string[] = [];
  const outlet = new SocketOutlet(ws.asWebSocket, socket, turn, clock, limits, () => slow.push('slow'));
  const send = (...texts: string[]) => {
    for (const text of texts) outlet.send(frame(text));
  };
  return { clock, ws, socket, outlet, slow, send };
}

const frame = (text: string) => new Frame(false, Buffer.from(text));
const sized = (bytes: number) => new Frame(true, Buffer.alloc(bytes));
const wires = (...texts: string[]) => Buffer.concat(texts.map(text => frame(text).wire()));

/** A socket whose kernel takes nothing more, with one message on its way. */
async function stuck(limits = roomy) {
  const made = setup({ limits, socket: new FakeSocket(1) });
  made.socket.isKernelFull = true;
  made.send('0');
  await settled();
  return made;
}

describe('[design 4] within one turn', () => {
  test('what a socket is due leaves in one write, at its end, in order', async () => {
    const { socket, send } = setup();
    send('a', 'b');
    send('c');
    expect(socket.writes).toEqual([]);
    await settled();
    expect(socket.writes).toEqual([[wires('a', 'b', 'c')]]);
    send('d');
    await settled();
    expect(socket.writes).toEqual([[wires('a', 'b', 'c')], [wires('d')]]);
  });

  test('receivers of the same run are given one Buffer; one frame is not copied at all', async () => {
    const turn = new EventLoopTurn();
    const [a, b, c] = [setup({ turn }), setup({ turn }), setup({ turn })];
    const [first, second] = [frame('first'), frame('second')];
    for (const { outlet } of [a, b]) outlet.send(first);
    for (const { outlet } of [a, b, c]) outlet.send(second);
    await settled();
    expect(a.socket.writes).toEqual([[wires('first', 'second')]]);
    expect(b.socket.writes[0]?.[0]).toBe(a.socket.writes[0]?.[0]);
    expect(c.socket.writes[0]?.[0]).toBe(second.wire());
  });

  test('a large run is handed over uncopied, in one go', async () => {
    const { socket, outlet } = setup();
    const frames = [sized(200 * kibibyte), sized(100 * kibibyte), frame('end')];
    for (const each of frames) outlet.send(each);
    await settled();
    expect(socket.writes).toHaveLength(1);
    expect(socket.writes[0]?.map((buffer, index) => buffer === frames[index]?.wire())).toEqual([true, true, true]);
  });

  test.each([
    ['256 messages', () => Array.from({ length: 256 }, (_, index) => frame(`${index}`))],
    ['a mebibyte', () => Array.from({ length: 4 }, () => sized(256 * kibibyte))],
  ])('%s are not held back to its end', async (_title, make) => {
    const { socket, outlet, send } = setup();
    const frames = make();
    for (const each of frames.slice(0, -1)) outlet.send(each);
    expect(socket.writes).toEqual([]);
    outlet.send(frames.at(-1) as Frame);
    expect(socket.writes).toHaveLength(1);
    send('after');
    await settled();
    expect(socket.writes).toHaveLength(2);
    expect(socket.written.equals(Buffer.concat([...frames, frame('after')].map(each => each.wire())))).toBe(true);
  });

  test('however much is sent in it, who reads fast is not slow', async () => {
    const { socket, outlet, slow } = setup({ limits: { maxMessages: 10, maxBytes: 100 }, socket: new FakeSocket(1) });
    const frames = Array.from({ length: 1_000 }, (_, index) => frame(`message ${index}`));
    for (const each of frames) outlet.send(each);
    await settled();
    expect(slow).toEqual([]);
    expect(socket.written.equals(Buffer.concat(frames.map(each => each.wire())))).toBe(true);
  });
});

describe('a socket that is stuck', () => {
  test('is not written to until it drains; then what waits leaves in one write', async () => {
    const { socket, send } = await stuck();
    send('a', 'b');
    await settled();
    send('c');
    await settled();
    expect(socket.writes).toHaveLength(1);
    socket.drain();
    await settled();
    expect(socket.writes).toEqual([[wires('0')], [wires('a', 'b', 'c')]]);
    send('d');
    await settled();
    expect(socket.written).toEqual(wires('0', 'a', 'b', 'c', 'd'));
  });

  test('[rest-api 5] is not sent what has expired while it was', async () => {
    const { clock, socket, outlet, send } = await stuck();
    const brief = frame('brief');
    brief.expiresAtMs = clock.monotonicMs() + 1_000;
    send('a');
    outlet.send(brief);
    send('b');
    clock.stepWall(-3_600_000); // [F7] a duration is no matter of the wall clock
    clock.advance(1_000);
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'a', 'b'));
    const last = await stuck();
    const lastBrief = frame('brief');
    lastBrief.expiresAtMs = last.clock.monotonicMs() + 1_000;
    last.outlet.send(lastBrief);
    last.clock.advance(1_000);
    last.socket.drain();
    await settled();
    expect(last.socket.written).toEqual(wires('0'));
  });

  test('one that gets stuck again waits again', async () => {
    const { socket, send } = await stuck();
    send('a');
    socket.takeOnce();
    await settled();
    send('b');
    await settled();
    expect(socket.written).toEqual(wires('0', 'a'));
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'a', 'b'));
  });

  test('is not one whose kernel took all, although `write` said no', async () => {
    const { socket, send, slow } = setup({ socket: new FakeSocket(1), limits: { maxMessages: 0, maxBytes: 0 } });
    for (const text of ['a', 'b']) {
      send(text);
      await settled();
    }
    expect(socket.written).toEqual(wires('a', 'b'));
    expect(slow).toEqual([]);
  });

  test('does not delay others', async () => {
    const turn = new EventLoopTurn();
    const [first, second] = [setup({ turn, socket: new FakeSocket(1) }), setup({ turn })];
    first.socket.isKernelFull = true;
    for (const text of ['a', 'b']) {
      for (const { send } of [first, second]) send(text);
      await settled();
    }
    expect(first.socket.written).toEqual(wires('a'));
    expect(second.socket.written).toEqual(wires('a', 'b'));
  });
});

describe('[CP-074] [client-protocols 8.1] a receiver that falls too far behind', () => {
  test('by messages, those that the kernel has not taken included, is reported once', async () => {
    const { send, slow } = await stuck({ maxMessages: 10, maxBytes: 1_000 });
    send(...'123456789');
    expect(slow).toEqual([]);
    send('a');
    expect(slow).toEqual(['slow']);
    send(...'bcdefghijklmnop');
    expect(slow).toEqual(['slow']);
  });

  test('by bytes, those that the kernel has not taken included', async () => {
    const { socket, outlet, slow } = await stuck({ maxMessages: 1_000, maxBytes: 1_000 });
    outlet.send(sized(1_000 - socket.writableLength));
    expect(slow).toEqual([]);
    outlet.send(sized(1));
    expect(slow).toEqual(['slow']);
  });

  test('is sent nothing of what waited but the goodbye', async () => {
    const { ws, socket, outlet, send } = await stuck({ maxMessages: 2, maxBytes: 1_000 });
    send('a', 'b');
    send('goodbye');
    outlet.close(1008, '');
    expect(ws.asked).toEqual(['close 1008 ']);
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'goodbye'));
  });

  test('is forgiven when it has caught up before', async () => {
    const { socket, send, slow } = await stuck({ maxMessages: 3, maxBytes: 1_000 });
    for (let round = 0; round < 5; round += 1) {
      send('a', 'b');
      socket.takeOnce(); // the two are on their way, and count
      send('c');
      await settled();
      socket.takeOnce();
      await settled();
      socket.takeOnce();
      await settled();
      send('d');
      await settled();
    }
    expect(slow).toEqual([]);
  });
});

describe('closing', () => {
  test('sends what is queued, then the Close frame; afterwards nothing', async () => {
    const { ws, socket, outlet, send } = setup();
    send('a', 'b');
    outlet.close(1000, 'why');
    expect(socket.written).toEqual(wires('a', 'b'));
    expect(ws.asked).toEqual(['close 1000 why']);
    send('c');
    outlet.close(1001, '');
    await settled();
    expect(socket.written).toEqual(wires('a', 'b'));
    expect(ws.asked).toEqual(['close 1000 why']);
  });

  test('a stuck socket too is sent what waits', async () => {
    const { ws, socket, outlet, send } = await stuck();
    send('a', 'b');
    outlet.close(1000, '');
    expect(ws.asked).toEqual(['close 1000 ']);
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'a', 'b'));
  });

  test('[client-protocols D11] a peer that does not answer is cut off after 5 s', () => {
    const { clock, ws, outlet } = setup();
    outlet.close(1000, '');
    clock.advance(4_999);
    expect(ws.asked).toEqual(['close 1000 ']);
    clock.advance(1);
    expect(ws.asked).toEqual(['close 1000 ', 'terminate']);
  });

  test('one that answers is not, and its timer is gone', () => {
    const { clock, ws, outlet } = setup();
    outlet.close(1000, '');
    ws.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  test('a socket that was not read from is read again, for the peer’s answer is on it', () => {
    const { ws, outlet } = setup();
    outlet.pause();
    outlet.close(1000, '');
    expect(ws.isPaused).toBe(false);
    expect(ws.asked).toContain('close 1000 ');
  });

  test('a socket that has ended is not written to', () => {
    const { ws, socket, outlet, send } = setup();
    send('a');
    socket.end();
    outlet.close(1000, '');
    expect(socket.writes).toEqual([]);
    expect(ws.asked).toEqual(['close 1000 ']);
  });

  test('an abandoned one is left alone', async () => {
    const { clock, ws, socket, outlet, send } = setup();
    send('a');
    outlet.abandon();
    send('b');
    outlet.close(1000, '');
    await settled();
    expect(socket.writes).toEqual([]);
    expect([ws.asked, clock.pending]).toEqual([[], 0]);
  });
});

test('reading is paused and resumed at the WebSocket', () => {
  const { ws, outlet } = setup();
  outlet.pause();
  outlet.resume();
  expect(ws.asked).toEqual(['pause', 'resume']);
});
