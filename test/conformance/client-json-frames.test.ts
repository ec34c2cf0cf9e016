import { describe, expect, test } from 'vitest';
import { ConnectionLog } from '../support/connection-log.js';
import { startHub } from '../support/start-hub.js';
import type { TestClient } from '../support/test-client.js';

const token = { userId: 'ann', roles: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'], groups: ['g'] };
const limit = 1024 * 1024;

/** A service with one client in group g that may do anything, and another that must not suffer. */
async function startPair() {
  const log = new ConnectionLog();
  const { dial } = await startHub({ observer: log });
  const [client, bystander] = [await dial({ token }), await dial({ token })];
  await client.next();
  await bystander.next();
  return { log, client, bystander };
}

/** The text of the next message as it stands between `"data":` and the end. */
async function nextData(client: TestClient): Promise<string> {
  const text = await client.nextText();
  return text.slice(text.indexOf('"dataType"'));
}

/** Whatever the client sends, nothing is executed, it is told, and its connection ends with this code. */
async function expectEnd(message: string | Buffer, code: number): Promise<void> {
  const { log, client, bystander } = await startPair();
  client.send(message);
  expect(await client.next()).toEqual({ type: 'system', event: 'disconnected', message: expect.any(String) });
  expect(await client.closed).toEqual({ code, reason: '' });
  expect((await log.closed.take()).category).toBe('BadRequest');
  await bystander.settle();
  expect([client.rest, bystander.rest, log.faults]).toEqual([[], [], []]);
}

describe('payloads', () => {
  test('[CP-049] without dataType: json', async () => {
    const { client } = await startPair();
    client.send('{"type":"sendToGroup","group":"g","data":[true]}');
    expect(await nextData(client)).toBe('"dataType":"json","data":[true]}');
  });

  test.each([
    ['Text', '"a"', 'text'],
    ['TEXT', '""', 'text'],
    ['Json', '"a"', 'json'],
    ['Binary', '"3q2+7w=="', 'binary'],
    ['Protobuf', '"CgNhLmISAQE="', 'protobuf'],
  ])('[CP-050] dataType %s is taken, and delivered in lower case', async (dataType, data, delivered) => {
    const { client } = await startPair();
    client.send(`{"TYPE":1,"type":"SendToGroup","group":"g","dataType":"${dataType}","data":${data}}`);
    expect(await nextData(client)).toBe(`"dataType":"${delivered}","data":${data}}`);
  });

  test.each([
    ['{"n":12345678901234567890,"f":1.0}'],
    ['{"b":1,"a":2,"b":3}'],
    ['{ "deep" : [ 1e5, -0.0 , {"data":"{\\"type\\":\\"x\\"}"} ] }'],
    ['"\\u00e9\\/\\ud83d\\ude00 é😀"'],
    ['1.50'],
    ['false'],
    ['"}"'],
  ])('[CP-051] JSON is delivered byte for byte: %s', async data => {
    const { client } = await startPair();
    client.send(`{"data" : ${data} ,"group":"g","type":"sendToGroup"}`);
    expect(await nextData(client)).toBe(`"dataType":"json","data":${data}}`);
  });

  test('[CP-053] [client-protocols D12] JSON null is sent to a group, and on to all but JSON clients, whom it breaks', async () => {
    const { dial } = await startHub();
    const [client, plain] = [await dial({ token }), await dial({ token, protocols: [] })];
    await client.next();
    const nothing = { type: 'sendToGroup', group: 'g', dataType: 'json', data: null, ackId: 1 };
    expect(await client.ask(nothing)).toEqual({ type: 'ack', ackId: 1, success: true });
    expect((await plain.nextFrame()).bytes.toString()).toBe('null');
    await client.settle();
    expect(client.rest).toEqual([]);
  });

  test('[CP-051] the member is found by its name, however that is spelled, and the last one counts', async () => {
    const { client } = await startPair();
    client.send(
      '{"data":1.0,"x":{"data":2.0},"type":"sendToGroup","group":"g","d\\u0061ta":3.0,"__proto__":{"data":4.0}}',
    );
    expect(await nextData(client)).toBe('"dataType":"json","data":3.0}');
  });

  test('[CP-051] a payload nested 100,000 deep is a payload', async () => {
    const { client, bystander } = await startPair();
    const data = '['.repeat(100_000) + ']'.repeat(100_000);
    client.send(`{"type":"sendToGroup","group":"g","data":${data}}`);
    expect(await nextData(bystander)).toBe(`"dataType":"json","data":${data}}`);
  });

  test.each([
    ['a bad character', '"binary","data":"3q2+7w=!"'],
    ['bad padding', '"binary","data":"3q2+7w"'],
    ['the URL alphabet', '"binary","data":"3q2-7w=="'],
    ['a number', '"binary","data":1'],
    ['protobuf that is no Any', '"protobuf","data":"//8="'],
  ])('[CP-052] binary data with %s: 1007', (_what, rest) =>
    expectEnd(`{"type":"sendToGroup","group":"g","dataType":${rest}}`, 1007),
  );

  test.each([
    ['text with a number', '"dataType":"text","data":1'],
    ['text with null', '"dataType":"text","data":null'],
    ['no data', '"dataType":"text"'],
    ['no data at all', '"noEcho":false'],
    ['binary with null', '"dataType":"binary","data":null'],
    ['an unknown dataType', '"dataType":"xml","data":"a"'],
    ['a dataType that is no string', '"dataType":7,"data":"a"'],
  ])('[CP-053] %s: 1007', (_what, rest) => expectEnd(`{"type":"sendToGroup","group":"g",${rest}}`, 1007));
});

describe('malformed frames', () => {
  test.each([
    ['an unknown type', '{"type":"nonsense"}'],
    ['no type', '{"group":"g"}'],
    ['a type that is no string', '{"type":1}'],
    ['a type of Object.prototype', '{"type":"constructor"}'],
    ['an array', '[{"type":"ping"}]'],
    ['null', 'null'],
    ['a string', '"ping"'],
    ['no JSON', 'ping'],
    ['cut off', '{"type":"ping"'],
    ['two in one', '{"type":"ping"}{"type":"ping"}'],
    ['empty', ''],
    ['another case of the name', '{"Type":"ping"}'],
  ])('[CP-054] %s: 1007', (_what, text) => expectEnd(text, 1007));

  test.each([
    ['JSON', Buffer.from('{"type":"ping"}')],
    ['bytes', Buffer.from([0, 1, 2])],
    ['nothing', Buffer.alloc(0)],
  ])('[CP-055] a binary frame (%s): 1003', (_what, bytes) => expectEnd(bytes, 1003));

  test.each([
    ['no group', '{"type":"joinGroup","ackId":1}'],
    ['a blank group', '{"type":"joinGroup","group":" \\t"}'],
    ['a group of 1025 characters', JSON.stringify({ type: 'joinGroup', group: 'g'.repeat(1025) })],
    ['a group that is no string', '{"type":"leaveGroup","group":["g"]}'],
    ['noEcho that is no boolean', '{"type":"sendToGroup","group":"g","data":1,"noEcho":"true"}'],
    ['noEcho null', '{"type":"sendToGroup","group":"g","data":1,"noEcho":null}'],
    ['sequenceAck without its number', '{"type":"sequenceAck"}'],
    ['invoke without an id', '{"type":"invoke","event":"e"}'],
    ['invoke with an empty id', '{"type":"invoke","invocationId":"","event":"e"}'],
    ['invoke of another target', '{"type":"invoke","invocationId":"1","target":"group","event":"e"}'],
    ['event with a stream', '{"type":"event","event":"e","data":1,"stream":{"streamId":"s"}}'],
  ])('[CP §4.1] %s: 1007', (_what, text) => expectEnd(text, 1007));

  test('[CP §4.1] what came before a malformed frame is done, what came after it is not', async () => {
    const { client, bystander } = await startPair();
    client.send({ type: 'sendToGroup', group: 'g', data: 'before', noEcho: true });
    client.send('{');
    client.send({ type: 'sendToGroup', group: 'g', data: 'after', noEcho: true });
    expect((await client.closed).code).toBe(1007);
    expect(await bystander.next()).toMatchObject({ data: 'before' });
    await bystander.settle();
    expect(bystander.rest).toEqual([]);
  });

  test('[CP-056] a message of 1 MiB is taken, one byte more is 1009', async () => {
    const { log, client, bystander } = await startPair();
    const frame = (bytes: number) => {
      const empty = '{"type":"sendToGroup","group":"g","dataType":"text","data":""}';
      return empty.replace('""', `"${'x'.repeat(bytes - empty.length)}"`);
    };
    client.send(frame(limit));
    expect(await bystander.next()).toMatchObject({ dataType: 'text', data: expect.stringMatching(/^x+$/) });
    client.send(frame(limit + 1));
    expect((await client.closed).code).toBe(1009);
    expect((await log.closed.take()).category).toBe('BadRequest');
    await bystander.settle();
    expect(bystander.rest).toEqual([]);
  });

  test.each(['"1"', '-1', '1.5', '1.0', '1e3', '18446744073709551616', 'true', '[]'])(
    '[CP-057] ackId %s: 1007',
    ackId => expectEnd(`{"type":"sendToGroup","group":"g","data":1,"ackId":${ackId}}`, 1007),
  );

  test('[CP-057] ackId null: no ack', async () => {
    const { client } = await startPair();
    client.send('{"type":"joinGroup","group":"h","ackId":null}');
    await client.settle();
    expect(client.rest).toEqual([]);
  });

  test.each(['-1', '301', '"60"', '1.5'])('[CP-069] ttlSeconds %s: 1007', ttl =>
    expectEnd(`{"type":"sendToGroup","group":"g","data":1,"ttlSeconds":${ttl}}`, 1007),
  );

  test('[CP-069] ttlSeconds 0 and 300 are taken', async () => {
    const { client } = await startPair();
    for (const ttlSeconds of [0, 300]) client.send({ type: 'sendToGroup', group: 'g', data: ttlSeconds, ttlSeconds });
    expect(await client.next()).toMatchObject({ data: 0 });
    expect(await client.next()).toMatchObject({ data: 300 });
  });

  test.each(['17', '"17"', '0', '18446744073709551615'])('[CP-070] sequenceAck %s is ignored', async sequenceId => {
    const { client } = await startPair();
    client.send(`{"type":"sequenceAck","sequenceId":${sequenceId}}`);
    await client.settle();
    expect(client.rest).toEqual([]);
  });
});

describe('ackIds', () => {
  test('[CP-058] the largest is echoed digit by digit, and so is one beyond 2^53', async () => {
    const { client } = await startPair();
    for (const ackId of ['18446744073709551615', '9007199254740993', '0']) {
      client.send(`{"type":"joinGroup","group":"h","ackId":${ackId}}`);
      expect(await client.nextText()).toBe(`{"type":"ack","ackId":${ackId},"success":true}`);
    }
  });

  test('[CP-059] the same again after success: Duplicate, and not executed, whatever the operation', async () => {
    const { client, bystander } = await startPair();
    const publish = { type: 'sendToGroup', group: 'g', data: 1, noEcho: true, ackId: 7 };
    expect((await client.ask(publish)).success).toBe(true);
    const again = await client.ask(publish);
    expect(again).toMatchObject({ success: false, error: { name: 'Duplicate', message: expect.any(String) } });
    expect((await client.ask({ type: 'leaveGroup', group: 'g', ackId: 7 })).error.name).toBe('Duplicate');
    expect((await client.ask({ type: 'event', event: 'e', data: 1, ackId: 7 })).error.name).toBe('Duplicate');
    expect((await bystander.ask({ ...publish, data: 'fence', ackId: 7 })).success).toBe(true); // its own session
    expect(await client.next()).toMatchObject({ data: 'fence' }); // still a member
    expect(await bystander.next()).toMatchObject({ data: 1 });
    expect(bystander.rest).toEqual([]);
  });

  test('[CP-060] the same again after Forbidden is processed afresh', async () => {
    const { dial, service } = await startHub();
    const client = await dial({ token: { userId: 'ann' } });
    const { connectionId } = await client.next();
    const join = { type: 'joinGroup', group: 'h', ackId: 7 };
    expect((await client.ask(join)).error.name).toBe('Forbidden');
    await service.hubs.get('chat').grantPermission(connectionId, 'joinLeaveGroup', 'h');
    expect((await client.ask(join)).success).toBe(true);
    expect((await client.ask(join)).error.name).toBe('Duplicate');
  });

  test('[CP-061] the 1001st success makes the oldest forgotten', async () => {
    const { client } = await startPair();
    const ask = (ackId: number) => client.ask({ type: 'joinGroup', group: 'h', ackId });
    for (let ackId = 1; ackId <= 1000; ackId += 1) expect((await ask(ackId)).success).toBe(true);
    expect((await ask(1)).error.name).toBe('Duplicate');
    expect((await ask(1001)).success).toBe(true);
    expect((await ask(2)).error.name).toBe('Duplicate');
    expect((await ask(1)).success).toBe(true);
  });
});
