import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { RawClient } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';

/** A socket that has said only this to the service. */
async function say(publicUrl: string, bytes: string): Promise<RawClient> {
  const socket = connect(Number(new URL(publicUrl).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const client = new RawClient(socket);
  await new Promise<void>(resolve => socket.write(bytes, () => resolve()));
  return client;
}

const handshake = [
  'GET /client/hubs/chat HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

test.each([
  ['no HTTP', 400, 'nonsense\r\n\r\n'],
  ['a TLS hello', 400, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n'],
  ['a header without a colon', 400, 'GET /client/hubs/chat HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
  [
    '[L1] no Host',
    400,
    handshake
      .filter(line => !line.startsWith('Host'))
      .concat('', '')
      .join('\r\n'),
  ],
])('%s: %i and the end, and others still get in', async (_what, status, bytes) => {
  const { service, dial } = await startHub();
  const client = await say(service.publicUrl, bytes);
  expect(await client.status).toBe(status);
  await client.ended;
  await (await dial()).settle();
});

test('a hundred handshakes that never end, and others still get in', async () => {
  const { service, dial } = await startHub({ file: { limits: { maxConnections: 1 } } });
  for (let count = 0; count < 100; count += 1) await say(service.publicUrl, handshake.slice(0, 4).join('\r\n'));
  await (await dial()).settle();
});

test('headers beyond the limit: 431, and others still get in', async () => {
  const { service, dial } = await startHub();
  const lines = Array.from({ length: 200 }, (_, at) => `X-${at}: ${'x'.repeat(1_000)}`);
  const client = await say(service.publicUrl, [...handshake, ...lines, '', ''].join('\r\n'));
  expect(await client.status).toBe(431);
  await (await dial()).settle();
});
