import { describe, expect, test } from 'vitest';
import type { DataType } from '../../src/protocols/messages.js';
import { reply } from '../support/answers.js';
import { protobufProtocol, reliableProtobufProtocol } from '../support/protobuf-client.js';
import { anyOf, request, response, type WireMessage } from '../support/protobuf-wire.js';
import { reliableProtocol } from '../support/reliable-client.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { type DialOptions, jsonProtocol, type ReceivedFrame, type TestClient } from '../support/test-client.js';
import { inMinutes, signToken } from '../support/tokens.js';

/**
 * Every way to send × every way to receive: the payload's bytes and kind arrive, and the envelope says where they came
 * from. Another protocol is a row in `senders` for each kind that it can send, and one in `receivers`. [client-protocols 9]
 */

/** What is sent of each kind. Re-serialising the JSON would change it. */
const payloads: Readonly<Record<DataType, Buffer>> = {
  text: Buffer.from('grüße "&"\n'),
  json: Buffer.from('{ "b":1.0, "a":12345678901234567890,\n"s":"\\u00e9" }'),
  binary: Buffer.from([0, 1, 0x7f, 0x80, 0xff]),
  protobuf: anyOf('type.googleapis.com/acme.Seat', Buffer.from([8, 1, 0xff])),
};

/** Where a message comes from, as its envelope says: a client, or an app server to a group, or an app server's reply. */
type Origin = 'client' | 'app server' | 'reply';

interface Sender {
  readonly name: string;
  readonly kind: DataType;
  readonly origin: Origin;
  /** @param receiver raises the event whose reply is what is sent; others send to its group */
  send(hub: StartedHub, receiver: { readonly row: Receiver; readonly client: TestClient }): Promise<void>;
}

interface Receiver {
  readonly name: string;
  readonly dial: DialOptions;
  /** Frames before the first message. */
  readonly greetings: number;
  /** Raises event `message`. */
  readonly event: string | Buffer;
  /** The frame in a form to compare: bytes that may differ without harm, like the order of fields, are taken out. */
  heard(frame: ReceivedFrame): unknown;
  expected(kind: DataType, origin: Origin): unknown;
}

// ----------------------------------------------------------------------------------------------------------- senders

const publisher = { userId: 'u', roles: ['webpubsub.sendToGroup'] };

function client(protocol: string, kind: DataType, frame: string | Buffer): Sender {
  return {
    name: `${protocol || 'simple'} ${kind}`,
    kind,
    origin: 'client',
    async send({ dial }) {
      const query = protocol === '' ? 'webpubsub_mode=sendToGroup&group=g' : '';
      const sender = await dial({ protocols: protocol === '' ? [] : [protocol], token: publisher, query });
      sender.send(frame);
    },
  };
}

function jsonClient(protocol: string, kind: DataType): Sender {
  const bytes = payloads[kind];
  const data = kind === 'json' ? `${bytes}` : JSON.stringify(bytes.toString(kind === 'text' ? 'utf8' : 'base64'));
  return client(protocol, kind, `{"type":"sendToGroup","group":"g","dataType":"${kind}","data":${data}}`);
}

function protobufClient(protocol: string, kind: DataType): Sender {
  return client(protocol, kind, request({ send_to_group_message: { group: 'g', data: messageData(kind) } }));
}

function rest(kind: DataType, type: string): Sender {
  return {
    name: `REST ${type}`,
    kind,
    origin: 'app server',
    async send({ service }) {
      const url = `${service.endpoints.primary}/api/hubs/chat/groups/g/:send`;
      const token = signToken({ aud: url, exp: inMinutes(5) });
      const headers = { authorization: `Bearer ${token}`, 'content-type': type };
      const { status } = await fetch(url, { method: 'POST', headers, body: new Uint8Array(payloads[kind]) });
      expect(status).toBe(202);
    },
  };
}

function upstreamReply(kind: DataType, type: string): Sender {
  return {
    name: `upstream reply ${type}`,
    kind,
    origin: 'reply',
    async send({ upstream }, receiver) {
      upstream.on('message', reply(200, { 'Content-Type': type }, payloads[kind]));
      receiver.client.send(receiver.row.event);
    },
  };
}

const kinds = ['text', 'json', 'binary', 'protobuf'] as const;
const senders: readonly Sender[] = [
  client('', 'text', payloads.text.toString()),
  client('', 'binary', payloads.binary),
  ...kinds.map(kind => jsonClient(jsonProtocol, kind)),
  ...kinds.map(kind => jsonClient(reliableProtocol, kind)),
  ...kinds.map(kind => protobufClient(protobufProtocol, kind)),
  ...kinds.map(kind => protobufClient(reliableProtobufProtocol, kind)),
  rest('text', 'text/plain'),
  rest('json', 'application/json'),
  rest('binary', 'application/octet-stream'),
  upstreamReply('text', 'text/plain'),
  upstreamReply('json', 'application/json'),
  upstreamReply('binary', 'application/octet-stream'),
  upstreamReply('protobuf', 'application/x-protobuf'),
];

// --------------------------------------------------------------------------------------------------------- receivers

const simpleReceiver: Receiver = {
  name: 'simple',
  dial: { protocols: [] },
  greetings: 0,
  event: 'x',
  heard: frame => frame,
  expected: kind => ({ isBinary: kind === 'binary' || kind === 'protobuf', bytes: payloads[kind] }),
};

function jsonReceiver(protocol: string, number: string): Receiver {
  return {
    name: protocol,
    dial: { protocols: [protocol] },
    greetings: 1,
    event: '{"type":"event","event":"message","dataType":"text","data":"x"}',
    heard: ({ isBinary, bytes }) => ({ isBinary, text: bytes.toString() }),
    expected(kind, origin) {
      const from = {
        client: '"from":"group","group":"g","fromUserId":"u"',
        'app server': '"from":"group","group":"g","fromUserId":null',
        reply: '"from":"server"',
      };
      return { isBinary: false, text: `{"type":"message",${from[origin]},${jsonData(kind)}${number}}` };
    },
  };
}

/** Whole, as it is on the wire. */
function jsonData(kind: DataType): string {
  const bytes = payloads[kind];
  const data = { text: JSON.stringify(bytes.toString()), json: bytes.toString() };
  return `"dataType":"${kind}","data":${kind === 'text' || kind === 'json' ? data[kind] : `"${bytes.toString('base64')}"`}`;
}

function protobufReceiver(protocol: string, number: WireMessage): Receiver {
  return {
    name: protocol,
    dial: { protocols: [protocol] },
    greetings: 1,
    event: request({ event_message: { event: 'message', data: { text_data: 'x' } } }),
    heard: ({ isBinary, bytes }) => (isBinary ? response(bytes) : bytes.toString()),
    expected(kind, origin) {
      const from = origin === 'reply' ? { from: 'server' } : { from: 'group', group: 'g' };
      return { data_message: { ...from, data: messageData(kind), ...number } };
    },
  };
}

function messageData(kind: DataType): WireMessage {
  const bytes = payloads[kind];
  return { [`${kind}_data`]: kind === 'text' || kind === 'json' ? bytes.toString() : bytes };
}

const receivers: readonly Receiver[] = [
  simpleReceiver,
  jsonReceiver(jsonProtocol, ''),
  jsonReceiver(reliableProtocol, ',"sequenceId":1'),
  protobufReceiver(protobufProtocol, {}),
  protobufReceiver(reliableProtobufProtocol, { sequence_id: 1n }),
];

// -------------------------------------------------------------------------------------------------------- the matrix

describe.each(senders)('[client-protocols 9] $name', sender => {
  test.each(receivers)('to $name', async row => {
    const hub = await startHub({ handler: { userEventPattern: '*' } });
    const receiver = await hub.dial({ ...row.dial, token: { groups: ['g'] } });
    for (let count = 0; count < row.greetings; count += 1) await receiver.nextFrame();
    await sender.send(hub, { row, client: receiver });
    expect(row.heard(await receiver.nextFrame())).toEqual(row.expected(sender.kind, sender.origin));
    expect(receiver.rest).toEqual([]);
  });
});

test('[client-protocols 9] [client-protocols D12] JSON null of an app server reaches all but JSON clients', async () => {
  const hub = await startHub();
  const clients = await Promise.all(receivers.map(({ dial }) => hub.dial(dial)));
  for (const [at, { greetings }] of receivers.entries()) {
    for (let count = 0; count < greetings; count += 1) await clients[at]?.nextFrame();
  }
  const chat = hub.service.hubs.get('chat');
  for (const text of ['null', '0']) {
    chat.sendToAll({ dataType: 'json', bytes: Buffer.from(text), metadata: undefined });
  }
  const firsts = await Promise.all(clients.map(async client => (await client.nextFrame()).bytes.toString('latin1')));
  expect(firsts.map(first => first.includes('null'))).toEqual([true, false, false, true, true]);
});
