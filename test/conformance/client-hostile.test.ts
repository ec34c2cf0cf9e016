import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ConnectionLog } from '../support/connection-log.js';
import { ManualClock } from '../support/manual-clock.js';
import { closePayload, opcodes, type RawClient, rawFrame, rawJsonClient } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';
import { urlOf } from '../support/test-client.js';

const { close, continuation, ping, pong, text } = opcodes;
const token = { userId: 'ann', roles: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'], groups: ['g'] };
const pingMessage = '{"type":"ping"}';

/** A service with a client made of bytes, and another of the same hub that must not suffer. */
async function startWithRaw(options: Parameters<typeof startHub>[0] = {}) {
  const log = new ConnectionLog();
  const hub = await startHub({ ...options, observer: log });
  const bystander = await hub.dial({ token });
  await bystander.next();
  const raw = await rawJsonClient(hub.service, { token });
  return { ...hub, log, bystander, raw };
}

type Started = Awaited<ReturnType<typeof startWithRaw>>;

/** Others go on, new ones get in, and nothing went wrong inside. */
async function expectUnharmed({ bystander, dial, log, service }: Started): Promise<void> {
  expect((await bystander.ask({ type: 'joinGroup', group: 'h', ackId: 1 })).success).toBe(true);
  await (await dial({ token })).settle();
  expect([log.faults, service.hubs.size]).toEqual([[], 2]);
}

async function nextText(raw: RawClient): Promise<string> {
  return (await raw.nextFrame(text)).payload.toString();
}

describe('frames that break the protocol', () => {
  const half = rawFrame(text, '{"type":', { fin: false });
  test.each([
    ['an unmasked frame', 1002, rawFrame(text, pingMessage, { isMasked: false })],
    ['a reserved bit', 1002, rawFrame(text, pingMessage, { reserved: 4 })],
    ['all reserved bits', 1002, rawFrame(text, pingMessage, { reserved: 7 })],
    ['a reserved bit on a ping', 1002, rawFrame(ping, '', { reserved: 1 })],
    ['a reserved data opcode', 1002, rawFrame(3, pingMessage)],
    ['a reserved control opcode', 1002, rawFrame(0xb, '')],
    ['a ping of 126 bytes', 1002, rawFrame(ping, 'x'.repeat(126))],
    ['a pong of 126 bytes', 1002, rawFrame(pong, 'x'.repeat(126))],
    ['a Close frame of 126 bytes', 1002, rawFrame(close, closePayload(1000, 'x'.repeat(124)))],
    ['a fragmented ping', 1002, rawFrame(ping, 'x', { fin: false })],
    ['a Close frame of one byte', 1002, rawFrame(close, 'x')],
    ['close code 1005', 1002, rawFrame(close, closePayload(1005))],
    ['close code 999', 1002, rawFrame(close, closePayload(999))],
    ['a close reason that is not UTF-8', 1007, rawFrame(close, closePayload(1000, Buffer.from([0xff])))],
    ['a continuation of nothing', 1002, rawFrame(continuation, pingMessage)],
    ['a new message inside another', 1002, Buffer.concat([half, rawFrame(text, pingMessage)])],
    ['a text that is not UTF-8', 1007, rawFrame(text, Buffer.from([0x22, 0xc3, 0x28, 0x22]))],
    [
      'a text that is not UTF-8 over two fragments',
      1007,
      Buffer.concat([half, rawFrame(continuation, Buffer.from([0xff]))]),
    ],
    ['a surrogate in UTF-8', 1007, rawFrame(text, Buffer.from([0xed, 0xa0, 0x80]))],
    ['a length of 2^53', 1009, rawFrame(text, 'x', { claimedBytes: 2 ** 53 })],
    ['a length of 1 MiB + 1', 1009, rawFrame(text, 'x', { claimedBytes: 1024 * 1024 + 1 })],
  ])('[CP §8.3] %s: %i', async (_what, code, bytes) => {
    const started = await startWithRaw();
    started.raw.send(bytes);
    expect(await started.raw.closeCode()).toBe(code);
    await started.raw.ended;
    expect(await started.log.closed.take()).toMatchObject({ category: 'BadRequest' });
    await expectUnharmed(started);
  });

  test('[CP-056] 1 MiB + 1 by fragments: 1009; 1 MiB by fragments is taken', async () => {
    const started = await startWithRaw();
    const { raw, bystander } = started;
    const head = '{"type":"sendToGroup","group":"g","noEcho":true,"dataType":"text","data":"';
    const fragments = (bytes: number) => {
      const message = Buffer.from(`${head}${'x'.repeat(bytes - head.length - 2)}"}`);
      const parts = [];
      for (let at = 0; at < bytes; at += 100_000) {
        const part = message.subarray(at, at + 100_000);
        parts.push(rawFrame(at === 0 ? text : continuation, part, { fin: at + 100_000 >= bytes }));
      }
      return parts;
    };
    raw.send(...fragments(1024 * 1024));
    expect((await bystander.next()).data).toHaveLength(1024 * 1024 - head.length - 2);
    raw.send(...fragments(1024 * 1024 + 1));
    expect(await raw.closeCode()).toBe(1009);
    await expectUnharmed(started);
    expect(bystander.rest).toEqual([]);
  });

  test('a message in fragments, some empty, one cut inside a character, with a ping between them', async () => {
    const { raw } = await startWithRaw();
    const bytes = Buffer.from('{"type":"sendToGroup","group":"g","data":"é"}');
    const cut = bytes.indexOf(0xc3) + 1;
    raw.send(
      rawFrame(text, bytes.subarray(0, cut), { fin: false }),
      rawFrame(ping, 'between'),
      rawFrame(continuation, '', { fin: false }),
      rawFrame(continuation, bytes.subarray(cut)),
    );
    expect((await raw.nextFrame()).payload.toString()).toBe('between');
    expect(await nextText(raw)).toContain('"data":"é"');
  });

  test('pings at once are answered each, in order; ten thousand of them end their connection', async () => {
    const started = await startWithRaw();
    const { raw, log } = started;
    raw.send(...Array.from({ length: 30 }, (_, at) => rawFrame(ping, String(at))));
    for (let at = 0; at < 30; at += 1) expect((await raw.nextFrame()).payload.toString()).toBe(String(at));
    raw.send(...Array.from({ length: 10_000 }, (_, at) => rawFrame(ping, String(at))));
    await raw.ended;
    await log.closed.take();
    await expectUnharmed(started);
  });

  test('a message in twenty thousand fragments: 1008', async () => {
    const started = await startWithRaw();
    const parts = Array.from({ length: 20_000 }, () => rawFrame(continuation, ' ', { fin: false }));
    started.raw.send(half, ...parts);
    expect(await started.raw.closeCode()).toBe(1008);
    await started.log.closed.take();
    await expectUnharmed(started);
  });
});

describe('endings', () => {
  test.each([
    ['1000 with a reason', closePayload(1000, 'bye'), 1000, 'bye'],
    ['1001', closePayload(1001), 1001, ''],
    ['a code of its own', closePayload(4321, 'mine'), 4321, 'mine'],
    ['no code', Buffer.alloc(0), undefined, ''],
  ])(
    '[CP §8.3] a Close frame with %s is answered alike, and the reason goes upstream',
    async (_what, payload, code, reason) => {
      const started = await startWithRaw({ handler: { systemEvents: ['disconnected'] } });
      started.raw.send(rawFrame(close, payload), rawFrame(text, '{"type":"sendToGroup","group":"g","data":"late"}'));
      expect(await started.raw.closeCode()).toBe(code);
      expect(await started.log.closed.take()).toMatchObject({ category: 'Normal', reason });
      expect(JSON.parse((await started.upstream.next('disconnected')).body.toString())).toEqual({ reason });
      await expectUnharmed(started);
      expect(started.bystander.rest).toEqual([]);
    },
  );

  test('nothing follows the Close frame, whatever was on its way', async () => {
    const { raw, bystander } = await startWithRaw();
    const publish = rawFrame(text, '{"type":"sendToGroup","group":"g","data":"last","ackId":1}');
    raw.send(publish, rawFrame(close, closePayload(1000)));
    await raw.ended;
    expect(await bystander.next()).toMatchObject({ data: 'last' });
    expect(raw.rest.at(-1)?.opcode).toBe(close);
  });

  test.each(['end', 'resetAndDestroy'] as const)(
    'a socket that goes without a word (%s) is a connection lost',
    async how => {
      const started = await startWithRaw({ handler: { systemEvents: ['disconnected'] } });
      started.raw.socket[how]();
      expect(await started.log.closed.take()).toMatchObject({ category: 'Normal', reason: 'The connection was lost.' });
      await started.upstream.next('disconnected');
      await expectUnharmed(started);
    },
  );

  test('a header that promises 1 MiB, ten bytes of it, and gone', async () => {
    const started = await startWithRaw();
    started.raw.send(rawFrame(text, 'x'.repeat(10), { claimedBytes: 1024 * 1024 }));
    started.raw.socket.end();
    expect(await started.log.closed.take()).toMatchObject({ reason: 'The connection was lost.' });
    expect(started.log.received).toBe(0);
    await expectUnharmed(started);
  });

  test('[CP §8.3] a service that stops: disconnected, then 1001, and nobody else gets in', async () => {
    const { service, dial, bystander, raw, log } = await startWithRaw();
    const base = urlOf(service, { token });
    const stopped = service.stop();
    const refusal = await dial.refused({ url: base });
    expect(refusal.status).toBe(503);
    expect(await bystander.next()).toMatchObject({ type: 'system', event: 'disconnected' });
    expect((await bystander.closed).code).toBe(1001);
    expect(await nextText(raw)).toContain('"event":"disconnected"');
    expect(await raw.closeCode()).toBe(1001);
    raw.socket.destroy();
    await stopped;
    for (let count = 0; count < 2; count += 1) expect((await log.closed.take()).category).toBe('ServiceReload');
  });

  test('a peer that ignores our Close frame is cut off after five seconds', async () => {
    const clock = new ManualClock();
    const started = await startWithRaw({ clock });
    started.raw.sendText('not JSON');
    expect(await started.raw.closeCode()).toBe(1007);
    await expectUnharmed(started);
    clock.advance(5_000);
    await started.raw.ended;
  });
});

describe('a client that sends faster than it is served', () => {
  /** An upstream that answers `slow` only when told to. */
  async function startHeld(options: Parameters<typeof startHub>[0] = {}) {
    const started = await startWithRaw({ handler: { userEventPattern: 'slow' }, ...options });
    let held: ServerResponse | undefined;
    started.upstream.on('slow', (_request, response) => {
      held = response;
    });
    return { ...started, release: () => void held?.writeHead(204).end() };
  }

  test('10,000 frames behind a pending event: others go on, few are held, none is lost, all keep their order', async () => {
    const limits = { outboundQueueMessages: 20_000, outboundQueueBytes: 64 * 1024 * 1024 };
    const { bystander, dial, log, upstream, release } = await startHeld({ file: { limits } });
    const flooder = await dial({ token: { roles: token.roles } });
    await flooder.next();
    flooder.send({ type: 'event', event: 'slow', data: 0, ackId: 0 });
    await upstream.next('slow');
    const padding = 'x'.repeat(2_000);
    for (let at = 1; at <= 10_000; at += 1) {
      flooder.send({ type: 'sendToGroup', group: 'g', data: { at, padding }, ackId: at });
    }
    await log.whenReceived(1 + 128);
    const other = await dial({ token });
    for (let ackId = 0; ackId < 50; ackId += 1) {
      expect((await other.ask({ type: 'joinGroup', group: 'h', ackId })).success).toBe(true);
    }
    // 128 held, and what one read of 64 KiB brought along.
    expect(log.received - 50).toBeLessThan(1 + 128 + 64);
    expect(bystander.rest).toEqual([]);
    release();
    for (let at = 1; at <= 10_000; at += 1) expect((await bystander.next()).data.at).toBe(at);
    for (let ackId = 0; ackId <= 10_000; ackId += 1) expect((await flooder.next()).ackId).toBe(ackId);
    expect(log.faults).toEqual([]);
  });

  test('large frames are held by their bytes', async () => {
    const { dial, log, upstream, release } = await startHeld();
    const flooder = await dial({ token });
    await flooder.next();
    flooder.send({ type: 'event', event: 'slow', data: 0 });
    await upstream.next('slow');
    for (let at = 1; at <= 20; at += 1) {
      flooder.send({ type: 'sendToGroup', group: 'none', dataType: 'text', data: 'x'.repeat(900_000), ackId: at });
    }
    await log.whenReceived(1 + 3); // three make more than 2 MiB
    await (await dial()).settle();
    expect(log.received).toBeLessThanOrEqual(1 + 3 + 1);
    release();
    for (let ackId = 1; ackId <= 20; ackId += 1) expect((await flooder.next()).ackId).toBe(ackId);
  });

  test('one whose socket is paused can still be closed at once', async () => {
    const started = await startHeld({ clock: new ManualClock() });
    const { dial, service, log, upstream } = started;
    const flooder = await dial({ token });
    const { connectionId } = await flooder.next();
    flooder.send({ type: 'event', event: 'slow', data: 0 });
    await upstream.next('slow');
    for (let at = 1; at <= 1_000; at += 1) flooder.send({ type: 'joinGroup', group: 'h', ackId: at });
    await log.whenReceived(1 + 128);
    await service.hubs.get('chat').closeConnection(connectionId, 'enough');
    expect((await flooder.closed).code).toBe(1000);
    expect(flooder.rest.at(-1)?.bytes.toString()).toContain('"event":"disconnected"');
    started.raw.socket.destroy();
    await log.closed.take();
    started.release();
  });

  test('one that leaves while it is paused is gone once its events are', async () => {
    const { dial, service, log, upstream, release } = await startHeld();
    const flooder = await dial({ token });
    flooder.send({ type: 'event', event: 'slow', data: 0 });
    await upstream.next('slow');
    for (let at = 1; at <= 1_000; at += 1) flooder.send({ type: 'joinGroup', group: 'h', ackId: at });
    await log.whenReceived(1 + 128);
    flooder.ws.terminate();
    await once(flooder.ws, 'close');
    release();
    expect(await log.closed.take()).toMatchObject({ reason: 'The connection was lost.' });
    expect([service.hubs.size, log.faults]).toEqual([2, []]);
  });

  test('one that asks for much and never reads is dropped as slow', async () => {
    const started = await startWithRaw({ file: { limits: { outboundQueueBytes: 1_000_000 } } });
    const { raw, log } = started;
    raw.socket.pause();
    const message = rawFrame(text, `{"type":"sendToGroup","group":"g","data":"${'x'.repeat(500_000)}"}`);
    let isOver = false;
    const closed = log.closed.take().finally(() => {
      isOver = true;
    });
    const { bystander } = started;
    for (let sent = 0; !isOver && sent < 200; sent += 1) {
      if (!raw.socket.write(message)) await Promise.race([once(raw.socket, 'drain'), closed]);
      await Promise.race([bystander.next(), closed]);
    }
    expect(await closed).toMatchObject({ category: 'SlowClient' });
    await expectUnharmed(started);
  });
});
