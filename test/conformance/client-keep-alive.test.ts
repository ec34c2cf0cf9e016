import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { ConnectionLog } from '../support/connection-log.js';
import { ManualClock } from '../support/manual-clock.js';
import { opcodes, type RawClient, rawFrame, rawJsonClient } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';

/** A service whose clock stands still, hub chat's keep-alive interval being `seconds`. */
async function startWith(seconds: number | undefined, options: Parameters<typeof startHub>[0] = {}) {
  const [clock, log] = [new ManualClock(), new ConnectionLog()];
  const chat = seconds === undefined ? {} : { webSocketKeepAliveIntervalInSeconds: seconds };
  const hub = await startHub({ ...options, clock, chat, observer: log });
  const setInterval = (edited: number) => {
    const text = JSON.stringify({ hubs: { chat: { webSocketKeepAliveIntervalInSeconds: edited } } });
    return hub.service.reload(parseConfig(text, { file: 'hubs.yaml', env: {} }));
  };
  return { ...hub, clock, log, setInterval };
}

/** Lets time pass second by second and answers after how many the service pinged. */
async function secondsToPing(clock: ManualClock, raw: RawClient, atMost: number): Promise<number | undefined> {
  for (let second = 1; second <= atMost; second += 1) {
    clock.advance(1_000);
    await echo(raw);
    if (raw.rest.some(({ opcode }) => opcode === opcodes.ping)) {
      await raw.nextFrame(opcodes.ping);
      return second;
    }
  }
  return undefined;
}

/** Once this settles, what the service had sent before has come. It is also a sign of life. */
async function echo(raw: RawClient): Promise<void> {
  raw.sendText('{"type":"ping"}');
  await raw.nextFrame(opcodes.text);
}

test.each([
  [undefined, 20],
  [1, 1],
  [7, 7],
  [120, 120],
])('[CP §8.2] an interval of %s: a ping every %i s', async (setting, seconds) => {
  const { service, clock } = await startWith(setting);
  const raw = await rawJsonClient(service);
  expect(await secondsToPing(clock, raw, seconds + 1)).toBe(seconds);
  expect(await secondsToPing(clock, raw, seconds + 1)).toBe(seconds);
});

test('[CP §8.2] three silent intervals: terminated as PingTimeout, while one that answers stays', async () => {
  const { service, dial, clock, log } = await startWith(5);
  const raw = await rawJsonClient(service);
  const client = await dial();
  for (let second = 1; second < 15; second += 1) {
    clock.advance(1_000);
    await client.settle();
  }
  expect([service.hubs.size, log.closed.rest]).toEqual([2, []]);
  clock.advance(1_000);
  expect(await log.closed.take()).toMatchObject({ category: 'PingTimeout' });
  await raw.ended;
  expect(raw.rest.map(({ opcode }) => opcode)).toEqual([opcodes.ping, opcodes.ping]);
  await client.settle();
  expect(service.hubs.size).toBe(1);
});

test.each([90_000, -3_600_000])(
  '[F7] the wall clock steps by %i ms: idle clients stay, and are pinged',
  async stepMs => {
    const { service, clock, log } = await startWith(20);
    const clients = await Promise.all(Array.from({ length: 20 }, () => rawJsonClient(service)));
    const pingAll = async () => {
      clock.advance(20_000);
      for (const raw of clients) {
        const { payload } = await raw.nextFrame(opcodes.ping);
        raw.send(rawFrame(opcodes.pong, payload), rawFrame(opcodes.ping, 'fence'));
        await raw.nextFrame(opcodes.pong);
      }
    };
    await pingAll();
    clock.stepWall(stepMs);
    for (let interval = 0; interval < 5; interval += 1) await pingAll();
    expect([service.hubs.size, log.closed.rest]).toEqual([20, []]);
  },
);

test('[CP §8.2] pongs alone keep a connection', async () => {
  const { service, clock, log } = await startWith(5);
  const raw = await rawJsonClient(service);
  for (let interval = 0; interval < 10; interval += 1) {
    clock.advance(5_000);
    const { payload } = await raw.nextFrame(opcodes.ping);
    const received = log.received;
    raw.send(rawFrame(opcodes.pong, payload), rawFrame(opcodes.ping, 'fence'));
    await raw.nextFrame(opcodes.pong);
    expect(log.received).toBe(received);
  }
  expect(log.closed.rest).toEqual([]);
});

test('[CP §8.2] a frame that stays half sent does not keep its connection', async () => {
  const { service, dial, clock, log } = await startWith(5);
  const raw = await rawJsonClient(service);
  const client = await dial();
  raw.send(rawFrame(opcodes.text, '{"type":"ping"}').subarray(0, 12));
  await client.settle();
  let seconds = 0;
  for (; log.closed.rest.length === 0 && seconds < 20; seconds += 1) {
    clock.advance(1_000);
    await client.settle();
  }
  expect(await log.closed.take()).toMatchObject({ category: 'PingTimeout' });
  expect(log.received).toBe(1 + seconds); // none of them from the half frame
  await raw.ended;
});

test('[CP §8.2] a connection that we do not read from, as its event is pending, is not taken for silent', async () => {
  const { dial, upstream, clock, log } = await startWith(5, { handler: { userEventPattern: 'slow' } });
  let release = () => {};
  upstream.on('slow', (_request, response) => {
    release = () => void response.writeHead(204).end();
  });
  const [flooder, client] = [await dial(), await dial()];
  await flooder.next();
  flooder.send({ type: 'event', event: 'slow', data: 0, ackId: 0 });
  await upstream.next('slow');
  for (let ackId = 1; ackId <= 1_000; ackId += 1) flooder.send({ type: 'unsubscribeGroupState', group: 'g', ackId });
  await log.whenReceived(1 + 128);
  for (let second = 0; second < 30; second += 1) {
    clock.advance(1_000);
    await client.settle();
  }
  release();
  for (let ackId = 0; ackId <= 1_000; ackId += 1) expect(await flooder.next()).toMatchObject({ ackId, success: true });
});

test('[CP §8.2] an edit of the interval applies to open connections', async () => {
  const { service, clock, setInterval } = await startWith(100);
  const raw = await rawJsonClient(service);
  expect(await secondsToPing(clock, raw, 30)).toBeUndefined();
  await setInterval(40);
  expect(await secondsToPing(clock, raw, 30)).toBe(10);
  await setInterval(2);
  expect(await secondsToPing(clock, raw, 30)).toBe(2);
  await setInterval(60);
  expect(await secondsToPing(clock, raw, 59)).toBeUndefined();
  expect(await secondsToPing(clock, raw, 1)).toBe(1);
});
