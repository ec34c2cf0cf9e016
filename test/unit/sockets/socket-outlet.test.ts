import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import { Frame, FrameList } from '../../../src/frames/frames.js';
import { closeTimeoutMs, SocketOutlet } from '../../../src/sockets/socket-outlet.js';
import { EventLoopTurn } from '../../../src/sockets/turn.js';
import { add, body, never, replayBuffer } from '../../support/bodies.js';
import { FakeSocket, FakeWebSocket } from '../../support/fake-socket.js';
import { ManualClock } from '../../support/manual-clock.js';

const kibibyte = 1024;
const roomy = { maxMessages: 1_000, maxBytes: 16 * kibibyte * kibibyte };

function setup({
  limits = roomy,
  turn = new EventLoopTurn(systemClock),
  socket = new FakeSocket(),
  head = undefined as string | undefined,
} = {}) {
  const clock = new ManualClock();
  const ws = new FakeWebSocket();
  const slow: string[] = [];
  const outlet = new SocketOutlet({ ws: ws.asWebSocket, socket, turn, clock, limits, head });
  outlet.watch({ onSlow: () => slow.push('slow') });
  const send = (...texts: string[]) => {
    for (const text of texts) outlet.send(frame(text));
  };
  return { clock, ws, socket, outlet, slow, send };
}

const frame = (text: string) => new Frame(false, Buffer.from(text));
const sized = (bytes: number) => new Frame(true, Buffer.alloc(bytes));
const wires = (...texts: string[]) => Buffer.concat(texts.map(text => frame(text).wire()));

/** Lets what drained in this turn be written in the next. */
async function settled(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

/** A socket whose kernel takes nothing more, with one message on its way. */
async function stuck(limits = roomy) {
  const made = setup({ limits, socket: new FakeSocket(1) });
  made.socket.isKernelFull = true;
  made.send('0');
  await settled();
  return made;
}

test('the bytes that wait are those that are due and those that the kernel has not taken', async () => {
  const { socket, outlet } = await stuck();
  const onTheWay = wires('0').length;
  expect(outlet.queuedBytes).toBe(onTheWay);
  outlet.send(sized(100));
  outlet.send(sized(50));
  expect(outlet.queuedBytes).toBe(onTheWay + 150);
  socket.isKernelFull = false;
  socket.drain();
  await settled();
  expect(outlet.queuedBytes).toBe(0);
});

describe('the head of the response to the upgrade', () => {
  const head = 'HTTP/1.1 101 \xe9\r\n\r\n';
  const headBytes = Buffer.from(head, 'latin1');

  test('leaves with the first message in one Buffer, and once', async () => {
    const { socket, outlet, send } = setup({ head });
    send('connected');
    outlet.flush();
    expect(socket.writes).toEqual([[Buffer.concat([headBytes, wires('connected')])]]);
    send('next');
    await settled();
    expect(socket.writes.slice(1)).toEqual([[wires('next')]]);
  });

  test('waits for whoever opens the connection, not for the end of a turn', async () => {
    const { socket, outlet, send } = setup({ head });
    send('connected');
    await settled();
    expect(socket.writes).toEqual([]);
    outlet.flush();
    expect(socket.written).toEqual(Buffer.concat([headBytes, wires('connected')]));
  });

  test('leaves alone when nothing is due', () => {
    const { socket, outlet } = setup({ head });
    outlet.flush();
    outlet.flush();
    expect(socket.writes).toEqual([[headBytes]]);
  });

  test('comes before messages that are too many for one write', () => {
    const { socket, outlet } = setup({ head });
    for (let count = 0; count < 40; count += 1) outlet.send(sized(64 * kibibyte));
    outlet.flush();
    expect(socket.writes[0]).toEqual([headBytes]);
    expect(socket.writes.length).toBeGreaterThan(1);
  });

  test('comes before what is written for the limits, and before the Close frame', () => {
    const { socket, ws, outlet, send } = setup({ head, limits: { maxMessages: 1, maxBytes: 1_000 } });
    send('a', 'b');
    expect(socket.written).toEqual(Buffer.concat([headBytes, wires('a', 'b')]));
    const closed = setup({ head });
    closed.outlet.close(1001, 'stopping');
    expect(closed.socket.writes).toEqual([[headBytes]]);
    expect(closed.ws.asked).toContain('close 1001 stopping');
    expect([ws.asked, outlet.flush()]).toEqual([[], 0]);
  });

  test('is not written after the socket is abandoned', () => {
    const { socket, outlet } = setup({ head });
    outlet.abandon();
    outlet.flush();
    expect(socket.writes).toEqual([]);
  });
});

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
    const turn = new EventLoopTurn(systemClock);
    const [a, b, c] = [setup({ turn }), setup({ turn }), setup({ turn })];
    const [first, second] = [frame('first'), frame('second')];
    for (const { outlet } of [a, b]) outlet.send(first);
    for (const { outlet } of [a, b, c]) outlet.send(second);
    await settled();
    expect(a.socket.writes).toEqual([[wires('first', 'second')]]);
    expect(b.socket.writes[0]?.[0]).toBe(a.socket.writes[0]?.[0]);
    expect(c.socket.writes[0]?.[0]).toBe(second.wire());
  });

  test('a large run is handed over uncopied', async () => {
    const { socket, outlet } = setup();
    const frames = [sized(200 * kibibyte), sized(100 * kibibyte), frame('end')];
    for (const each of frames) outlet.send(each);
    await settled();
    expect(socket.writes.flat().map((buffer, index) => buffer === frames[index]?.wire())).toEqual([true, true, true]);
  });

  test('receivers of many large lists share the bytes of each', async () => {
    const turn = new EventLoopTurn(systemClock);
    const [a, b] = [setup({ turn }), setup({ turn })];
    const lists = Array.from(
      { length: 3 },
      () => new FrameList(Array.from({ length: 100 }, () => sized(2 * kibibyte))),
    );
    for (const { outlet } of [a, b]) for (const list of lists) outlet.send(list);
    await settled();
    for (const { socket } of [a, b])
      expect(socket.writes.flat().map(each => lists.map(list => list.wire()).indexOf(each))).toEqual([0, 1, 2]);
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
    const brief = frame('brief').expiringAt(clock.monotonicMs() + 1_000);
    send('a');
    outlet.send(brief);
    send('b');
    clock.stepWall(-3_600_000); // [F7] a duration is no matter of the wall clock
    clock.advance(1_000);
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'a', 'b'));
    const last = await stuck();
    const lastBrief = frame('brief').expiringAt(last.clock.monotonicMs() + 1_000);
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
    const turn = new EventLoopTurn(systemClock);
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
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'goodbye'));
    expect(ws.asked).toEqual(['close 1008 ']);
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

  test('[F1] a stuck socket is sent what waits, and the Close frame, once it reads on', async () => {
    const { clock, ws, socket, outlet, send } = await stuck();
    send('a', 'b');
    outlet.close(1000, '');
    await settled();
    expect([socket.writes.length, ws.asked]).toEqual([1, []]);
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0', 'a', 'b'));
    expect(ws.asked).toEqual(['close 1000 ']);
    ws.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  test('[F1] one with nothing but its Close frame to be sent gets it once it reads on', async () => {
    const { ws, socket, outlet } = await stuck();
    outlet.close(1000, '');
    await settled();
    expect(ws.asked).toEqual([]);
    socket.drain();
    await settled();
    expect(ws.asked).toEqual(['close 1000 ']);
  });

  test('[F1] one that stays stuck is cut off after 5 s, and nothing was put together for it', async () => {
    const { clock, ws, socket, outlet } = await stuck();
    const { replay, made } = replayOf(1_000, 10 * kibibyte);
    outlet.send(replay);
    outlet.close(1008, '');
    await settled();
    clock.advance(closeTimeoutMs);
    expect([ws.asked, socket.writes.length, made()]).toEqual([['terminate'], 1, 0]);
    outlet.abandon(); // as the end of the socket has it
    socket.drain();
    await settled();
    expect([ws.asked, socket.writes.length]).toEqual([['terminate'], 1]);
  });

  test('[F1] one that reads slowly is sent what waits piece by piece, then the Close frame', async () => {
    const { ws, socket, outlet } = await stuck();
    const { replay, made } = replayOf(100, 10 * kibibyte);
    outlet.send(replay);
    outlet.close(1001, '');
    for (let pieces = 1; ws.asked.length === 0; pieces += 1) {
      socket.takeOnce();
      await settled();
      expect(made()).toBeLessThanOrEqual(pieces * 7);
    }
    expect(made()).toBe(100);
    expect(socket.written.subarray(frame('0').wire().length).equals(replay.wire())).toBe(true);
  });

  test('[F1] no data follows a Close frame that answers the peer’s', async () => {
    const { ws, socket, outlet, send } = await stuck();
    send('a');
    outlet.close(1000, '');
    ws.close(1000, ''); // ws answers by itself
    socket.drain();
    await settled();
    expect(socket.written).toEqual(wires('0'));
    expect(ws.asked).toEqual(['close 1000 ']);
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

/** So many numbered messages that a session sends again, and how many of them have been put together so far. */
function replayOf(count: number, bytes: number) {
  const buffer = replayBuffer();
  let made = 0;
  for (let index = 0; index < count; index += 1) {
    const each = body(`${index}`, bytes);
    const write = each.write.bind(each);
    each.write = (...args) => {
      made += 1;
      return write(...args);
    };
    add(buffer, each, never);
  }
  made = 0;
  return { buffer, replay: buffer.unacked(() => 0), made: () => made };
}

describe('[F1] what is too much for one write', () => {
  test('is put together as the socket takes it, 64 KiB at a time', async () => {
    const { socket, outlet } = setup();
    socket.isKernelFull = true;
    const { replay, made } = replayOf(1_000, 10 * kibibyte);
    outlet.send(replay);
    await settled();
    expect(made()).toBe(7);
    await settled();
    expect(made()).toBe(7);
    socket.takeOnce();
    await settled();
    expect(made()).toBe(14);
    socket.drain();
    while (made() < 1_000) await settled();
    expect(socket.written.equals(replay.wire())).toBe(true);
  });

  test('keeps its place before what is sent meanwhile', async () => {
    const { socket, outlet, send } = setup();
    socket.isKernelFull = true;
    const { replay } = replayOf(100, 10 * kibibyte);
    send('connected');
    outlet.send(replay);
    await settled();
    for (let count = 0; count < 3; count += 1) {
      send(`live ${count}`);
      socket.takeOnce();
      await settled();
    }
    socket.drain();
    await settled();
    const live = [0, 1, 2].map(count => frame(`live ${count}`).wire());
    expect(socket.written.equals(Buffer.concat([frame('connected').wire(), replay.wire(), ...live]))).toBe(true);
  });

  test('[rest-api 5] leaves out what expires while it waits', async () => {
    const { clock, socket, outlet } = await stuck();
    const inASecond = clock.monotonicMs() + 1_000;
    const frames = Array.from({ length: 40 }, (_, index) =>
      index % 2 === 1 ? sized(20 * kibibyte).expiringAt(inASecond) : sized(20 * kibibyte),
    );
    for (const each of frames) outlet.send(each);
    socket.takeOnce();
    await settled();
    const before = socket.writes.flat().length;
    clock.advance(1_000);
    socket.drain();
    await settled();
    const written = socket.writes
      .flat()
      .slice(1)
      .map(each => frames.findIndex(one => one.wire() === each));
    const [soon, late] = [written.slice(0, before - 1), written.slice(before - 1)];
    expect(soon).toEqual(soon.map((_, index) => index));
    expect(late).toEqual(frames.map((_, index) => index).filter(index => index >= soon.length && index % 2 === 0));
  });

  test('counts against the limits as far as it is not written', async () => {
    const limits = { maxMessages: 1_000, maxBytes: 1_000 * kibibyte };
    const { socket, outlet, slow } = setup({ limits, socket: new FakeSocket(1) });
    socket.isKernelFull = true;
    outlet.send(replayOf(95, 10 * kibibyte).replay);
    await settled();
    outlet.send(sized(40 * kibibyte));
    expect(slow).toEqual([]);
    outlet.send(sized(40 * kibibyte));
    expect(slow).toEqual(['slow']);
    socket.drain();
    await settled();
    expect(socket.writes).toHaveLength(1);
  });

  test('is forgotten with its socket', async () => {
    const { ws, socket, outlet } = await stuck();
    const { replay, made } = replayOf(100, 10 * kibibyte);
    outlet.send(replay);
    socket.takeOnce();
    await settled();
    outlet.drop();
    socket.drain();
    await settled();
    expect([made(), ws.asked]).toEqual([7, ['terminate']]);
  });
});

test('[F1] a receiver that is too slow before anybody watches it is reported all the same', async () => {
  const [turn, socket, ws] = [new EventLoopTurn(systemClock), new FakeSocket(1), new FakeWebSocket()];
  socket.isKernelFull = true;
  const [clock, limits] = [new ManualClock(), { maxMessages: 1, maxBytes: 100 }];
  const outlet = new SocketOutlet({ ws: ws.asWebSocket, socket, turn, clock, limits });
  outlet.send(frame('a'));
  await settled();
  outlet.send(frame('b'));
  const slow: string[] = [];
  outlet.watch({ onSlow: () => slow.push('slow') });
  expect(slow).toEqual(['slow']);
});

test('reading is paused and resumed at the WebSocket', () => {
  const { ws, outlet } = setup();
  outlet.pause();
  outlet.resume();
  expect(ws.asked).toEqual(['pause', 'resume']);
});
