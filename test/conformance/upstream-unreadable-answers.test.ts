import { describe, expect, test } from 'vitest';
import { startHandlers, textOf } from '../support/handlers.js';
import { RawUpstream } from '../support/raw-upstream.js';

const ok = 'HTTP/1.1 200 OK\r\n';
const headers = (count: number, value: string) =>
  Array.from({ length: count }, (_, index) => `x-${index}: ${value}\r\n`).join('');

describe('[upstream-events 7.1] an upstream that answered is not sent the event again', () => {
  test.each([
    [
      '[D04] more than 64 KiB of headers',
      `${ok}x-big: ${'b'.repeat(70_000)}\r\n\r\n`,
      /larger than 64 KiB; send fewer/,
    ],
    ['[V04] a malformed status line', 'HTTP/1.1 abc OK\r\n\r\n', /is not HTTP \(.+\); check/],
    ['[V04] no HTTP at all', 'HELLO\r\n\r\n', /is not HTTP \(.+\); check/],
    ['[V04] lines that end in LF only', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', /is not HTTP \(.+\); check/],
    ['[V04] a header name with a blank', `${ok}x a: b\r\n\r\n`, /is not HTTP \(.+\); check/],
    ['[V04] two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, /contradictory lengths/],
    ['[V04] 101', 'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', /of a kind that is not allowed/],
  ])('%s', async (_, answer, reason) => {
    const upstream = await RawUpstream.start(answer);
    const { clock, observer, open } = await startHandlers({ chat: upstream.url });
    const event = open().event('e', textOf('x'));
    await expect(event).rejects.toMatchObject({ kind: 'eventFailed', message: expect.stringMatching(reason) });
    await clock.advanceAsync(60_000);
    expect([upstream.posts, observer.events[0]?.attempts]).toEqual([1, 1]);
  });

  test('[V04] headers that break off', async () => {
    const upstream = await RawUpstream.start(`${ok}x-a: b\r\n`, { endsAfter: true });
    const { clock, open } = await startHandlers({ chat: upstream.url });
    await expect(open().event('e', textOf('x'))).rejects.toThrow('ended in its headers');
    await clock.advanceAsync(60_000);
    expect(upstream.posts).toBe(1);
  });

  test('[V03] so it is with connected', async () => {
    const upstream = await RawUpstream.start(`${ok}x-big: ${'b'.repeat(70_000)}\r\n\r\n`);
    const { clock, observer, open } = await startHandlers({ chat: upstream.url });
    open().connected();
    await observer.until(({ events }) => events.length === 1);
    await clock.advanceAsync(60_000);
    expect([upstream.posts, observer.events[0]?.outcome]).toEqual([1, 'failed']);
  });

  test('nothing at all is no answer: it is sent again', async () => {
    const upstream = await RawUpstream.start('', { endsAfter: true });
    const { clock, open } = await startHandlers({ chat: upstream.url }, { retryDelaysMs: [1_000] });
    const event = open().event('e', textOf('x'));
    event.catch(() => {}); // looked at below
    await clock.whenDueIn(1_000);
    await clock.advanceAsync(1_000);
    await expect(event).rejects.toThrow('no connection to');
    expect(upstream.posts).toBe(2);
  });
});

test('[D24] an upstream that ends the socket after each answer loses no event', async () => {
  const upstream = await RawUpstream.start('HTTP/1.1 204 No Content\r\n\r\n', { endsAfter: true });
  const { clock, open } = await startHandlers({ chat: upstream.url });
  const session = open();
  for (let count = 0; count < 10; count += 1) {
    const event = session.event('e', textOf('x'));
    let isDone = false;
    void event.finally(() => {
      isDone = true;
    });
    while (!isDone) await clock.advanceAsync(100); // it is sent again when it met the socket's end
    await event;
  }
  expect(upstream.posts).toBeGreaterThanOrEqual(10);
});

describe('an answer that can be read', () => {
  test.each([
    ['[D04] one header of 20,000 bytes', `${ok}x-big: ${'b'.repeat(20_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['[V04] 300 headers of 100 bytes', `${ok}${headers(300, 'v'.repeat(100))}Content-Length: 0\r\n\r\n`],
    ['[V15] 204 with a Content-Length', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n'],
    ['[V15] 204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok'],
  ])('%s', async (_, answer) => {
    const upstream = await RawUpstream.start(answer);
    const { open } = await startHandlers({ chat: upstream.url });
    const session = open();
    expect(await session.event('e', textOf('x'))).toBeUndefined();
    expect(await session.event('e', textOf('x'))).toBeUndefined();
    expect(upstream.posts).toBe(2);
  });
});
