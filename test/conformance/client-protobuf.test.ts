import { describe, expect, test } from 'vitest';
import { reply } from '../support/answers.js';
import { ManualClock } from '../support/manual-clock.js';
import {
  dialProtobuf,
  ProtobufClient,
  protobufProtocol,
  reliableProtobufProtocol,
} from '../support/protobuf-client.js';
import { anyOf, response } from '../support/protobuf-wire.js';
import { opcodes, rawDial } from '../support/raw-client.js';
import {
  recoveryCloseCode,
  recoveryQuery,
  reliableProtocol,
  type Session,
  takeUp,
} from '../support/reliable-client.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import type { DialOptions } from '../support/test-client.js';

const handler = { userEventPattern: '*' };
const member = { userId: 'ann', roles: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'], groups: ['g'] };

/** A service, and a protobuf client that has taken its first message. */
async function startWithClient(options: Parameters<typeof startHub>[0] = {}, dial: DialOptions = {}) {
  const hub = await startHub(options);
  const client = await dialProtobuf(hub.dial, { token: member, ...dial });
  const first = await client.next();
  return { hub, client, first, ...hub };
}

/** Everything sent to this client so far has arrived once this settles; answers what had. */
async function settled(client: ProtobufClient): Promise<unknown[]> {
  const heard = [];
  await client.client.sentByAll();
  client.send({ ping_message: {} });
  for (let next = await client.next(); next.pong_message === undefined; next = await client.next()) heard.push(next);
  return heard;
}

function textPayload(text: string) {
  return { dataType: 'text' as const, bytes: Buffer.from(text), metadata: undefined };
}

const ok = (ackId: bigint) => ({ ack_message: { ack_id: ackId, success: true } });
const refused = (ackId: bigint, name: string) => ({
  ack_message: { ack_id: ackId, error: { name, message: expect.any(String) } },
});

describe.each([protobufProtocol, reliableProtobufProtocol])('%s', protocol => {
  const protocols = [protocol];
  const start = (options: Parameters<typeof startHub>[0] = {}, dial: DialOptions = {}) =>
    startWithClient(options, { protocols, ...dial });

  test('[CP-104] joins lobby, in the bytes of the specification, and is acked', async () => {
    const { client, service } = await start();
    client.client.send(Buffer.from('32090a056c6f6262791007', 'hex'));
    expect(await client.next()).toEqual(ok(7n));
    service.hubs.get('chat').sendToGroup('lobby', textPayload('hi'));
    expect(await client.next()).toMatchObject({ data_message: { from: 'group', group: 'lobby' } });
  });

  test('[CP-105] ping is answered with pong, byte for byte', async () => {
    const { client } = await start();
    client.client.send(Buffer.from('4a00', 'hex'));
    const { isBinary, bytes } = await client.client.nextFrame();
    expect([isBinary, bytes.toString('hex')]).toEqual([true, '2200']);
  });

  test.each([
    ['a text frame', 'J\u0000', 1003],
    ['an empty binary frame', Buffer.alloc(0), 1007],
    ['bytes that are no message', Buffer.from('ff'), 1007],
    ['an unset oneof', Buffer.from([0x62, 0x00]), 1007],
  ])('[CP-106] %s ends the connection', async (_title, frame, code) => {
    const { client } = await start();
    client.client.send(frame);
    expect(await client.next()).toEqual({ system_message: { disconnected_message: { reason: expect.any(String) } } });
    expect((await client.closed).code).toBe(code);
  });

  test('[CP-109] an explicit ack id of 0 is acked, an absent one is not', async () => {
    const { client } = await start();
    client.send({ join_group_message: { group: 'a' } });
    client.send({ join_group_message: { group: 'b', ack_id: 0n } });
    client.send({ join_group_message: { group: 'c', ack_id: 2n ** 64n - 1n } });
    // An id of 0 is the default of its field, and so not on the wire.
    expect([await client.next(), await client.next()]).toEqual([
      { ack_message: { success: true } },
      ok(2n ** 64n - 1n),
    ]);
    expect(await settled(client)).toEqual([]);
  });

  test('[CP-038] [CP-059] failures are acked: no permission, and an id again', async () => {
    const { client } = await start({}, { token: { roles: ['webpubsub.joinLeaveGroup.a'] } });
    client.send({ join_group_message: { group: 'b', ack_id: 1n } });
    client.send({ join_group_message: { group: 'a', ack_id: 1n } });
    client.send({ leave_group_message: { group: 'a', ack_id: 1n } });
    client.send({ leave_group_message: { group: 'b' } });
    client.send({ leave_group_message: { group: 'a', ack_id: 2n } });
    const acks = [refused(1n, 'Forbidden'), ok(1n), refused(1n, 'Duplicate'), ok(2n)];
    for (const ack of acks) expect(await client.next()).toEqual(ack);
  });

  test('[CP-047] [CP-048] its own copy comes before the ack, and not at all with no_echo', async () => {
    const { client } = await start();
    const message = { group: 'g', data: { text_data: '' } };
    client.send({ send_to_group_message: { ...message, ack_id: 1n } });
    client.send({ send_to_group_message: { ...message, ack_id: 2n, no_echo: true } });
    const [echo, ...acks] = await settled(client);
    expect(echo).toMatchObject({ data_message: { from: 'group', group: 'g', data: { text_data: '' } } });
    expect(acks).toEqual([ok(1n), ok(2n)]);
  });

  test('[CP-063] [CP-065] an event: the reply, then the ack; without a handler, its failure', async () => {
    const { client, upstream } = await start({ handler: { userEventPattern: 'seat.pick' } });
    upstream.on(
      'seat.pick',
      reply(200, { 'Content-Type': 'application/json', 'X-WebPubSub-Metadata-K': 'v' }, '{"n":1.0}'),
    );
    const data = { protobuf_data: anyOf('a.b/c.D', 'x') };
    client.send({ event_message: { event: 'seat.pick', data, ack_id: 1n, metadata: { Trace: 't' } } });
    client.send({ event_message: { event: 'other', data, ack_id: 2n } });
    expect(await client.next()).toMatchObject({
      data_message: { from: 'server', data: { json_data: '{"n":1.0}' }, metadata: { k: 'v' } },
    });
    expect(await client.next()).toEqual(ok(1n));
    expect(await client.next()).toEqual(refused(2n, 'InternalServerError'));
    const { headers, body } = await upstream.next('seat.pick');
    expect(headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'x-webpubsub-metadata-trace': 't' });
    expect(body).toEqual(data.protobuf_data);
  });

  test('[CP-072] an invocation is answered, or fails', async () => {
    const { client, upstream } = await start({ handler });
    upstream.on('price.of', reply(200, { 'Content-Type': 'text/plain' }, '12.5'));
    upstream.on('fail', reply(400));
    client.send({ invoke_event_message: { event: 'price.of', invocation_id: 'q-9', data: { text_data: 'ACME' } } });
    expect(await client.next()).toEqual({
      invoke_response_message: { invocation_id: 'q-9', success: true, data: { text_data: '12.5' } },
    });
    client.send({ invoke_event_message: { event: 'fail', invocation_id: 'q-10' } });
    expect(await client.next()).toEqual({
      invoke_response_message: {
        invocation_id: 'q-10',
        error: { name: 'InternalServerError', message: expect.any(String) },
      },
    });
  });

  test('[CP-071] closed by the app server: the reason, field 2, then 1000', async () => {
    const { client, service, first } = await start();
    const { connection_id: id } = first.system_message.connected_message;
    await service.hubs.get('chat').closeConnection(id, 'maintenance');
    const reason = expect.stringContaining('maintenance');
    expect(await client.next()).toEqual({ system_message: { disconnected_message: { reason } } });
    expect((await client.closed).code).toBe(1000);
  });

  test('[CP-095] [CP-097] [CP-098] a stream: acks to the publisher, positions to the group', async () => {
    const { client } = await start();
    client.send({ send_to_group_message: { group: 'g', stream: { stream_id: 's' } } });
    client.send({ stream_data_message: { stream_id: 's', stream_sequence_id: 1n, data: { text_data: 'a' } } });
    client.send({ stream_data_message: { stream_id: 's', stream_sequence_id: 3n, data: { text_data: 'c' } } });
    client.send({ stream_end_message: { stream_id: 's' } });
    const heard = await settled(client);
    const told = heard.filter(message => !('data_message' in (message as object)));
    expect(told).toEqual([
      { stream_ack_message: { stream_id: 's', expected_sequence_id: 1n } },
      { stream_ack_message: { stream_id: 's', expected_sequence_id: 2n } },
      {
        stream_nack_message: {
          stream_id: 's',
          name: 'InvalidSequenceId',
          message: expect.any(String),
          expected_sequence_id: 2n,
        },
      },
      { stream_closed_message: { stream_id: 's' } },
    ]);
    const position = { stream_id: 's', stream_sequence_id: 1n };
    expect(heard.filter(message => !told.includes(message))).toMatchObject([
      { data_message: { data: { text_data: 'a' }, stream: position } },
      {
        data_message: { data: { text_data: '' }, stream: { ...position, stream_sequence_id: 2n, end_of_stream: true } },
      },
    ]);
  });

  test('[CP-103] group state: an ack, then the snapshot, then updates', async () => {
    const roles = ['webpubsub.setGroupState', 'webpubsub.getGroupState'];
    const { client, first } = await start({}, { token: { userId: 'ann', roles, groups: ['g'] } });
    const { connection_id } = first.system_message.connected_message;
    client.send({ set_group_state_message: { group: 'g', ack_id: 1n, state: { entries: { mood: 'good' } } } });
    client.send({ subscribe_group_state_message: { group: 'g', ack_id: 2n } });
    expect([await client.next(), await client.next()]).toEqual([ok(1n), ok(2n)]);
    const item = { connection_id, user_id: 'ann', updated_at: expect.any(BigInt) };
    expect(await client.next()).toMatchObject({
      group_state_snapshot_message: { group: 'g', items: [{ ...item, state: { entries: { mood: 'good' } } }] },
    });
    client.send({ set_group_state_message: { group: 'g' } });
    expect(await client.next()).toMatchObject({ group_state_update_message: { group: 'g', items: [item] } });
  });
});

describe('what others hear', () => {
  test('[CP-107] JSON of a JSON client arrives in field 4 of the data, with its bytes', async () => {
    const { client, dial } = await startWithClient();
    const sender = await dial({ token: member });
    const json = '{"a":1.0, "n":12345678901234567890}';
    sender.send(`{"type":"sendToGroup","group":"g","dataType":"json","data":${json}}`);
    const { bytes } = await client.client.nextFrame();
    expect(bytes.includes(Buffer.from([0x22, json.length]))).toBe(true);
    expect(response(bytes)).toEqual({ data_message: { from: 'group', group: 'g', data: { json_data: json } } });
  });

  test('[CP-108] an Any: protobuf peers get it, JSON peers its base64, simple ones its bytes', async () => {
    const { client, dial } = await startWithClient();
    const groups = { token: { groups: ['g'] } };
    const [peer, json, simple] = await Promise.all([
      dialProtobuf(dial, groups),
      dial(groups),
      dial({ ...groups, protocols: [] }),
    ]);
    const any = anyOf('type.googleapis.com/acme.Seat', Buffer.from([8, 1]));
    client.send({ send_to_group_message: { group: 'g', data: { protobuf_data: any } } });
    expect(await peer.nextData()).toEqual({ from: 'group', group: 'g', data: { protobuf_data: any } });
    await json.next();
    expect(await json.next()).toMatchObject({
      fromUserId: 'ann',
      dataType: 'protobuf',
      data: any.toString('base64'),
    });
    expect(await simple.nextFrame()).toEqual({ isBinary: true, bytes: any });
  });
});

describe('reliable', () => {
  const reliable = { protocols: [reliableProtobufProtocol], token: member };

  interface Opened extends Session {
    readonly client: ProtobufClient;
  }

  async function open(hub: StartedHub): Promise<Opened> {
    const client = await dialProtobuf(hub.dial, reliable);
    return { client, ...sessionOf(await client.next()) };
  }

  // biome-ignore lint/suspicious/noExplicitAny: any message may come
  function sessionOf(first: any): Session {
    const { connection_id: connectionId, reconnection_token: token } = first.system_message.connected_message;
    return { connectionId, token };
  }

  /** Sends texts to the group of the session. */
  function send({ service }: StartedHub, ...texts: readonly string[]): void {
    for (const text of texts) service.hubs.get('chat').sendToGroup('g', textPayload(text));
  }

  /** The next messages as pairs of sequence id and text. */
  async function numbered(client: ProtobufClient, count: number): Promise<[bigint, string][]> {
    const found: [bigint, string][] = [];
    for (let taken = 0; taken < count; taken += 1) {
      const { sequence_id: id, data } = await client.nextData();
      found.push([id, data.text_data]);
    }
    return found;
  }

  test('[CP-110] connected has a reconnection token, only here', async () => {
    const hub = await startHub();
    expect((await open(hub)).token).toMatch(/./);
    const plain = await dialProtobuf(hub.dial, { token: member });
    expect(await plain.next()).toEqual({
      system_message: { connected_message: { connection_id: expect.any(String), user_id: 'ann' } },
    });
  });

  test('[CP-110] messages are numbered from 1; acks and pongs are not, nor is anything on the plain protocol', async () => {
    const hub = await startHub();
    const { client } = await open(hub);
    const plain = await dialProtobuf(hub.dial, { token: member });
    await plain.next();
    send(hub, 'a');
    client.send({ join_group_message: { group: 'h', ack_id: 1n } });
    client.send({ ping_message: {} });
    send(hub, 'b');
    const heard = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(heard.map(message => message.data_message?.sequence_id).filter(id => id !== undefined)).toEqual([1n, 2n]);
    expect(await plain.nextData()).toEqual({ from: 'group', group: 'g', data: { text_data: 'a' } });
  });

  test('[CP-077] [CP-078] [CP-079] [CP-080] what was not acked comes again, in order, with its numbers', async () => {
    const hub = await startHub();
    const session = await open(hub);
    send(hub, 'a', 'b');
    await numbered(session.client, 2);
    session.client.send({ sequence_ack_message: { sequence_id: 1n } });
    await settled(session.client);
    session.client.client.ws.terminate();
    await session.client.closed;
    send(hub, 'c');
    const back = new ProtobufClient(await takeUp(hub, session, { protocols: [reliableProtobufProtocol] }));
    const again = sessionOf(await back.next());
    expect(again).toEqual({ connectionId: session.connectionId, token: expect.stringMatching(/./) });
    expect(await numbered(back, 2)).toEqual([
      [2n, 'b'],
      [3n, 'c'],
    ]);
    send(hub, 'd');
    expect(await numbered(back, 1)).toEqual([[4n, 'd']]);
    expect(hub.upstream.requests).toEqual([]);
  });

  test('[CP-082] [CP-087] after 30 s the session is over: 1008', async () => {
    const clock = new ManualClock();
    const hub = await startHub({ clock });
    const session = await open(hub);
    session.client.client.ws.terminate();
    await clock.whenDueIn(30_000);
    await clock.advanceAsync(30_000);
    expect(hub.service.hubs.get('chat').size).toBe(0);
    expect(await recoveryCloseCode(hub, session, { protocols: [reliableProtobufProtocol] })).toBe(1008);
  });

  test('[CP-111] a recovery that offers a JSON subprotocol still speaks protobuf', async () => {
    const hub = await startHub();
    const session = await open(hub);
    send(hub, 'a');
    const lines = [`Sec-WebSocket-Protocol: ${reliableProtocol}`];
    const back = await rawDial(hub.service, { token: null, query: recoveryQuery(session), lines });
    expect(await back.status).toBe(101);
    expect(back.headers.filter(line => /^sec-websocket-protocol:/i.test(line))).toEqual([]);
    const next = async () => response((await back.nextFrame(opcodes.binary)).payload);
    expect(sessionOf(await next()).connectionId).toBe(session.connectionId);
    expect(await next()).toMatchObject({ data_message: { data: { text_data: 'a' }, sequence_id: 1n } });
  });
});
