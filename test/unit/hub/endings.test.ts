import { expect, test } from 'vitest';
import { closeFrameOf, closeText, endings } from '../../../src/hub/endings.js';
import { pusherProtocols } from '../../../src/protocols/pusher/index.js';
import { json } from '../../../src/protocols/webpubsub/json/index.js';

test('[RFC 6455 5.5] a reason is cut to 123 bytes, between characters', () => {
  expect(closeText('x'.repeat(123))).toHaveLength(123);
  expect(closeText('x'.repeat(124))).toHaveLength(123);
  expect(closeText(`${'x'.repeat(122)}é`)).toBe('x'.repeat(122));
  expect(closeText(`${'x'.repeat(121)}é`)).toBe(`${'x'.repeat(121)}é`);
  expect(closeText(`${'x'.repeat(120)}😀`)).toBe('x'.repeat(120));
  expect(closeText('')).toBe('');
});

test('the Close frame is that of the protocol', () => {
  const { current } = pusherProtocols({ activityTimeoutMs: 1_000, pongTimeoutMs: 1_000 });
  expect(closeFrameOf(endings.shuttingDown, current)).toEqual({ code: 4200, text: 'The service is shutting down.' });
  expect(closeFrameOf(endings.shuttingDown, json)).toEqual({ code: 1001, text: '' });
  expect(closeFrameOf(endings.closedByAppServer(undefined), current).code).toBe(4009);
  expect(closeFrameOf(endings.closedByAppServer(undefined), json)).toEqual({ code: 1000, text: '' });
  expect(closeFrameOf(endings.pingTimeout, current).code).toBe(4201);
});
