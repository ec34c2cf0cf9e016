import { expect, test } from 'vitest';
import { reply } from '../support/answers.js';
import { decodeMessage, encodeRequest } from '../support/protobuf-schema.js';
import { startHub } from '../support/start-hub.js';
import type { DialOptions, TestClient } from '../support/test-client.js';

const plain = 'protobuf.webpubsub.azure.v1';
const reliable = 'protobuf.reliable.webpubsub.azure.v1';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const mostAckId = '18446744073709551615';

/** A service and a client whose wire format is made by another library. */
async function started(protocol: string) {
  const hub = await startHub({ handler: { userEventPattern: '*' } });
  const dial = (options: DialOptions = {}) =>
    hub.dial({ protocols: [protocol], token: { userId: 'ann', roles }, ...options });
  const client = await dial();
  const { connected } = (await next(client)).system;
  return { hub, dial, client, connected };
}

async function next(client: TestClient) {
  const frame = await client.nextFrame();
  expect(frame.isBinary).toBe(true);
  return decodeMessage(frame.bytes);
}

function say(client: TestClient, message: Readonly<Record<string, unknown>>): void {
  client.send(encodeRequest(message));
}

const any = { type_url: 'type.example/T', value: Buffer.from([1, 2, 3]).toString('base64') };

test.each([plain, reliable])(
  '[CP-104] [CP-107] [CP-108] [CP-109] groups and every kind of data, %s',
  async protocol => {
    const { client, connected } = await started(protocol);
    expect(connected).toMatchObject({ user_id: 'ann', connection_id: expect.stringMatching(/^[\w-]{31}$/) });
    say(client, { join: { group: 'lobby', ack_id: mostAckId } });
    expect(await next(client)).toEqual({ ack: { ack_id: mostAckId, success: true } });
    const kinds = [
      { text_data: 'hé' },
      { binary_data: 'AAEC/w==' },
      { json_data: '{"n":12345678901234567890,"f":1.0}' },
    ];
    for (const data of [...kinds, { protobuf_data: any }, { text_data: '' }]) {
      say(client, { send: { group: 'lobby', data, metadata: { k: 'v' } } });
      const message = (await next(client)).data;
      expect(message).toMatchObject({ from: 'group', group: 'lobby', data, metadata: { k: 'v' } });
    }
    say(client, { send: { group: 'lobby', data: { text_data: 'x' }, no_echo: true, ack_id: '0' } });
    expect((await next(client)).ack.success).toBe(true);
    say(client, { ping: {} });
    expect(await next(client)).toEqual({ pong: {} });
  },
);

test('[CP-063] [CP-072] events and invocations', async () => {
  const { client, hub } = await started(plain);
  hub.upstream.on('*', reply(200, { 'content-type': 'application/json' }, '{"total":9.0}'));
  say(client, { event: { event: 'vote', data: { json_data: '1' }, ack_id: '5' } });
  expect((await next(client)).data).toMatchObject({ from: 'server', data: { json_data: '{"total":9.0}' } });
  expect(await next(client)).toEqual({ ack: { ack_id: '5', success: true } });
  say(client, { invoke: { event: 'price', invocation_id: 'q', data: { text_data: 'ACME' } } });
  const response = { invocation_id: 'q', success: true, data: { json_data: '{"total":9.0}' } };
  expect((await next(client)).invoke_response).toMatchObject(response);
  expect((await hub.upstream.next('price')).body.toString()).toBe('ACME');
});

test('[CP-095] [CP-098] a stream from its start to its end', async () => {
  const { client } = await started(plain);
  say(client, { join: { group: 'g' } });
  say(client, { send: { group: 'g', stream: { stream_id: 's' } } });
  expect((await next(client)).stream_ack).toEqual({ stream_id: 's', expected_sequence_id: '1' });
  say(client, { stream_data: { stream_id: 's', stream_sequence_id: '1', data: { text_data: 'part' } } });
  const stream = { stream_id: 's', stream_sequence_id: '1' };
  expect((await next(client)).data).toMatchObject({ data: { text_data: 'part' }, stream });
  expect((await next(client)).stream_ack).toEqual({ stream_id: 's', expected_sequence_id: '2' });
  say(client, { stream_end: { stream_id: 's' } });
  const end = { data: { text_data: '' }, stream: { stream_id: 's', stream_sequence_id: '2', end_of_stream: true } };
  expect((await next(client)).data).toMatchObject(end);
  expect((await next(client)).stream_closed).toEqual({ stream_id: 's' });
});

test('[CP-077] [CP-078] [CP-110] a reliable client takes up its session: what it acknowledged does not come again', async () => {
  const { client, connected, dial } = await started(reliable);
  say(client, { join: { group: 'g' } });
  for (const text of ['one', 'two']) say(client, { send: { group: 'g', data: { text_data: text } } });
  expect([(await next(client)).data.sequence_id, (await next(client)).data.sequence_id]).toEqual(['1', '2']);
  say(client, { sequence_ack: { sequence_id: '1' } });
  say(client, { ping: {} });
  expect(await next(client)).toEqual({ pong: {} });
  client.ws.terminate();
  await client.closed;

  const { connection_id: id, reconnection_token: token } = connected;
  const query = `awps_connection_id=${id}&awps_reconnection_token=${token}`;
  const again = await dial({ token: null, query });
  expect((await next(again)).system.connected).toMatchObject({ connection_id: id, user_id: 'ann' });
  expect((await next(again)).data).toMatchObject({ data: { text_data: 'two' }, sequence_id: '2' });
});
