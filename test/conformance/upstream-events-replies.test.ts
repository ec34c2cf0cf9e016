import { describe, expect, test } from 'vitest';
import { Held, inTurn, reply, replyJson } from '../support/answers.js';
import { ConnectionLog } from '../support/connection-log.js';
import { startHub } from '../support/start-hub.js';
import type { UpstreamRequest } from '../support/upstream.js';

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
const userEvents = { userEventPattern: '*' };

/** A JSON client whose `connected` message has been taken. */
async function jsonClient({ dial }: Pick<Awaited<ReturnType<typeof startHub>>, 'dial'>) {
  const client = await dial();
  await client.next();
  return client;
}

const simple = { protocols: [] };
const genericError = { name: 'InternalServerError', message: 'Internal server error' };

function vote(ackId: number) {
  return { type: 'event', event: 'vote', data: 1, ackId };
}

describe('what comes back', () => {
  test.each([
    ['[UE-050] text/plain', 'text/plain', 'hé', false, '"text","data":"hé"'],
    ['[upstream-events 3.3] Text/Plain; charset', 'Text/Plain; charset=utf-8', 'x', false, '"text","data":"x"'],
    ['[UE-052] [UE-053] application/json', 'application/json', '{"n": 1.0}', false, '"json","data":{"n": 1.0}'],
    [
      '[UE-051] [UE-054] octet-stream',
      'application/octet-stream',
      Buffer.from([0, 1, 255]),
      true,
      '"binary","data":"AAH/"',
    ],
    ['[UE-056] no type', undefined, 'x', true, '"binary","data":"eA=="'],
    [
      '[upstream-events 3.3] x-protobuf',
      'application/x-protobuf',
      Buffer.from([10, 1, 97]),
      true,
      '"protobuf","data":"CgFh"',
    ],
  ] as const)(
    '%s: as a frame to simple clients, as a message to JSON clients',
    async (_, type, body, isBinary, message) => {
      const hub = await startHub({ handler: userEvents });
      hub.upstream.on('*', reply(200, type === undefined ? {} : { 'Content-Type': type }, body));
      const plain = await hub.dial(simple);
      plain.send('hi');
      expect(await plain.nextFrame()).toEqual({ isBinary, bytes: Buffer.from(body) });
      const json = await jsonClient(hub);
      json.send(vote(1));
      expect(await json.nextText()).toBe(`{"type":"message","from":"server","dataType":${message}}`);
    },
  );

  test('[UE-055] an empty answer is no message', async () => {
    const hub = await startHub({ handler: userEvents });
    const answers = () =>
      inTurn(
        reply(200, { 'Content-Type': 'application/octet-stream' }),
        reply(204),
        reply(200, { 'Content-Type': 'image/png' }),
        reply(200, { 'Content-Type': 'text/plain' }, 'said'),
      );
    hub.upstream.on('message', answers());
    hub.upstream.on('vote', answers());
    const plain = await hub.dial(simple);
    for (let count = 0; count < 4; count += 1) plain.send('hi');
    expect((await plain.nextFrame()).bytes.toString()).toBe('said');
    const json = await jsonClient(hub);
    for (const ackId of [1, 2, 3, 4]) json.send(vote(ackId));
    for (const ackId of [1, 2, 3]) expect(await json.next()).toEqual({ type: 'ack', ackId, success: true });
    expect(await json.next()).toMatchObject({ data: 'said' });
  });

  test('[UE-058] the message comes before the ack', async () => {
    const hub = await startHub({ handler: userEvents });
    hub.upstream.on('vote', replyJson({ total: 9 }));
    const client = await jsonClient(hub);
    client.send(vote(4));
    expect(await client.nextText()).toBe('{"type":"message","from":"server","dataType":"json","data":{"total":9}}');
    expect(await client.nextText()).toBe('{"type":"ack","ackId":4,"success":true}');
  });

  test('[upstream-events 3.3] only the client that asked is answered', async () => {
    const hub = await startHub({ handler: userEvents });
    hub.upstream.on('vote', replyJson('yes'));
    const [one, other] = [await jsonClient(hub), await jsonClient(hub)];
    await one.ask(vote(1));
    await other.settle();
    expect([one.rest.length, other.rest.length]).toEqual([1, 0]);
  });

  test('[UE-065] metadata: the last line, the last item', async () => {
    const hub = await startHub({ handler: userEvents });
    const headers = { 'Content-Type': 'text/plain', 'X-WebPubSub-Metadata-Foo': ['z', 'a, b'] };
    hub.upstream.on('vote', inTurn(reply(200, headers, 'x'), reply(200, { 'X-WebPubSub-Metadata-Foo': 'c' })));
    const client = await jsonClient(hub);
    client.send(vote(1));
    expect(await client.next()).toMatchObject({ dataType: 'text', data: 'x', metadata: { foo: 'b' } });
    client.send(vote(2));
    await client.next();
    expect(await client.next()).toMatchObject({ dataType: 'text', data: '', metadata: { foo: 'c' } });
  });

  test('[upstream-events 2.2] a client’s metadata goes along', async () => {
    const hub = await startHub({ handler: userEvents });
    const client = await jsonClient(hub);
    await client.ask({ ...vote(1), metadata: { Trace: 'abc' } });
    const { headers } = await hub.upstream.next('vote');
    expect(headers['x-webpubsub-metadata-trace']).toBe('abc');
  });
});

describe('failures', () => {
  test.each([
    ['[UE-059] 400', reply(400, { 'Content-Type': 'text/plain', 'X-WebPubSub-Metadata-A': '1' }, 'hunter2')],
    ['[UE-057] image/png with a body', reply(200, { 'Content-Type': 'image/png' }, 'hunter2')],
    ['[UE-115] 429', reply(429, { 'Retry-After': '1' }, 'hunter2')],
    ['[UE-116] 302', reply(302, { Location: '/elsewhere' }, 'hunter2')],
    ['what is declared as JSON but is not', reply(200, { 'Content-Type': 'application/json' }, 'hunter2')],
  ])('%s: a JSON client gets an error ack and stays', async (_, answer) => {
    const hub = await startHub({ handler: userEvents });
    hub.upstream.on('vote', inTurn(answer, reply(204)));
    const client = await jsonClient(hub);
    expect(await client.ask(vote(1))).toEqual({ type: 'ack', ackId: 1, success: false, error: genericError });
    expect(await client.ask(vote(2))).toMatchObject({ success: true });
    expect(client.rest).toEqual([]);
    expect(hub.upstream.requests.filter(({ method }) => method === 'POST').map(({ url }) => url)).toEqual([
      '/vote',
      '/vote',
    ]);
  });

  test('[upstream-events 3.4] without an ackId a JSON client hears nothing and stays', async () => {
    const hub = await startHub({ handler: userEvents });
    hub.upstream.on('vote', reply(400));
    const client = await jsonClient(hub);
    client.send({ type: 'event', event: 'vote', data: 1 });
    expect(await client.ask({ type: 'event', event: 'fine', data: 1, ackId: 1 })).toMatchObject({ success: true });
    expect(client.rest).toEqual([]);
  });

  test.each([
    ['[UE-060] 400', reply(400, {}, 'hunter2')],
    ['[UE-057] image/png with a body', reply(200, { 'Content-Type': 'image/png' }, 'hunter2')],
  ])('%s: a simple client is closed with 1011 and without details', async (_, answer) => {
    const log = new ConnectionLog();
    const hub = await startHub({ handler: everything, observer: log });
    hub.upstream.on('message', answer);
    const client = await hub.dial(simple);
    client.send('hi');
    const { code, reason } = await client.closed;
    expect([code, reason]).toEqual([1011, '']);
    expect(await log.closed.take()).toMatchObject({ category: 'SendEventFailed' });
    expect((await hub.upstream.next('disconnected')).body.toString()).not.toContain('hunter2');
  });

  test('[upstream-events D33] without a handler: 1011 for a simple client, an error ack for a JSON client', async () => {
    const log = new ConnectionLog();
    const hub = await startHub({ observer: log });
    const client = await hub.dial(simple);
    client.send('hi');
    expect((await client.closed).code).toBe(1011);
    expect(await log.closed.take()).toMatchObject({ category: 'EventHandlerNotFound' });
    const json = await jsonClient(hub);
    expect(await json.ask(vote(1))).toEqual({ type: 'ack', ackId: 1, success: false, error: genericError });
    await json.settle();
  });

  test('[UE-061] [UE-062] a failed ackId may be sent again, a succeeded one is a duplicate', async () => {
    const hub = await startHub({ handler: userEvents });
    hub.upstream.on('vote', inTurn(reply(400), replyJson('done')));
    const client = await jsonClient(hub);
    expect(await client.ask(vote(7))).toMatchObject({ success: false });
    expect(await client.ask(vote(7))).toMatchObject({ success: true });
    expect(await client.ask(vote(7))).toEqual({
      type: 'ack',
      ackId: 7,
      success: false,
      error: { name: 'Duplicate', message: 'Message with ack-id: 7 has been processed' },
    });
    expect(hub.upstream.requests.filter(({ event }) => event === 'vote')).toHaveLength(2);
    expect(client.rest).toHaveLength(1);
  });

  test('[upstream-events D36] an ackId that is repeated while the first is in flight waits for it', async () => {
    const hub = await startHub({ handler: userEvents });
    const held = new Held();
    hub.upstream.on('vote', held.answer);
    const client = await jsonClient(hub);
    client.send(vote(7));
    client.send(vote(7));
    await hub.upstream.next('vote');
    await client.settle();
    held.release();
    expect([await client.next(), await client.next()]).toMatchObject([
      { success: true },
      { success: false, error: { name: 'Duplicate' } },
    ]);
    expect(held.count).toBe(0);
  });

  test('[upstream-events 3.4] with dropOnUserEventFailure a JSON client is closed too', async () => {
    const hub = await startHub({ handler: everything, file: { delivery: { dropOnUserEventFailure: true } } });
    hub.upstream.on('vote', reply(400, {}, 'hunter2'));
    const [client, other] = [await jsonClient(hub), await jsonClient(hub)];
    client.send(vote(1));
    expect(await client.nextText()).toBe(
      '{"type":"system","event":"disconnected","message":"The event handler failed."}',
    );
    expect((await client.closed).code).toBe(1011);
    expect((await hub.upstream.next('disconnected')).body.toString()).toBe('{"reason":"The event handler failed."}');
    await other.settle();
  });
});

describe('order', () => {
  test('[UE-063] the second event of a client is sent after the first was answered; a ping does not wait', async () => {
    const hub = await startHub({ handler: userEvents });
    const held = new Held(replyJson('ok'));
    hub.upstream.on('*', held.answer);
    const client = await jsonClient(hub);
    for (const ackId of [1, 2, 3]) client.send({ ...vote(ackId), event: `e${ackId}` });
    const seen: string[] = [];
    for (const ackId of [1, 2, 3]) {
      seen.push((await hub.upstream.next()).event);
      await client.settle(); // a round trip in which another request would have come
      expect(held.count).toBe(1);
      held.release();
      await client.next();
      expect(await client.next()).toMatchObject({ ackId });
    }
    expect(seen).toEqual(['e1', 'e2', 'e3']);
  });

  test('[UE-063] what a simple client sends is answered in its order, whatever the upstream takes for each', async () => {
    const hub = await startHub({ handler: userEvents });
    hub.upstream.on('message', ({ body }, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' }).end(body);
    });
    const client = await hub.dial(simple);
    const texts = Array.from({ length: 300 }, (_, at) => `m${at}`);
    for (const text of texts) client.send(text);
    const answers: string[] = [];
    for (const _ of texts) answers.push(await client.nextText());
    expect(answers).toEqual(texts);
  });

  test('[UE-064] clients do not wait for each other', async () => {
    const hub = await startHub({ handler: userEvents });
    const held = new Held();
    hub.upstream.on('vote', held.answer);
    const [one, other, third] = [await jsonClient(hub), await jsonClient(hub), await jsonClient(hub)];
    one.send(vote(1));
    other.send(vote(1));
    await hub.upstream.next('vote');
    await hub.upstream.next('vote');
    expect(held.count).toBe(2);
    expect(await third.ask({ type: 'event', event: 'quick', data: 1, ackId: 1 })).toMatchObject({ success: true });
    held.release();
    held.release();
    expect([await one.next(), await other.next()]).toMatchObject([{ success: true }, { success: true }]);
  });

  test('[upstream-events 1.3] a user event does not wait for `connected`', async () => {
    const hub = await startHub({ handler: everything });
    const held = new Held();
    hub.upstream.on('connected', held.answer);
    const client = await jsonClient(hub);
    expect(await client.ask(vote(1))).toMatchObject({ success: true });
    await hub.upstream.next('connected');
    held.release();
  });

  test('[upstream-events 1.3] a client that left while its event was asked: the answer goes nowhere, others go on', async () => {
    const hub = await startHub({ handler: everything });
    const held = new Held(replyJson('late'));
    hub.upstream.on('vote', held.answer);
    const [client, other] = [await jsonClient(hub), await jsonClient(hub)];
    client.send(vote(1));
    client.send({ type: 'event', event: 'never', data: 1 });
    await hub.upstream.next('vote');
    client.ws.terminate();
    const { headers } = await hub.upstream.next('disconnected');
    held.release();
    await other.settle();
    await hub.service.stop();
    const names = hub.upstream.requests.filter(of => of.headers['ce-connectionid'] === headers['ce-connectionid']);
    expect(names.map(({ event }) => event).sort()).toEqual(['connect', 'connected', 'disconnected', 'vote']);
  });
});

describe('state and cookies', () => {
  const stateOf = ({ headers }: UpstreamRequest) => headers['ce-connectionstate'];

  test('[UE-070] [UE-071] [UE-074] connect and user events set it; it goes along unchanged to the end', async () => {
    const hub = await startHub({ handler: everything });
    const opaque = 'c3RlcD0x=={"a":1}';
    hub.upstream.on('connect', reply(204, { 'ce-connectionState': opaque }));
    hub.upstream.on('vote', reply(200, { 'ce-connectionState': 's2' }));
    const client = await jsonClient(hub);
    await client.ask(vote(1));
    await client.ask({ type: 'event', event: 'other', data: 1, ackId: 2 });
    await client.close();
    const seen: (string | string[] | undefined)[] = [];
    for (const name of ['connect', 'connected', 'vote', 'other', 'disconnected']) {
      seen.push(stateOf(await hub.upstream.next(name)));
    }
    expect(seen).toEqual([undefined, opaque, opaque, 's2', 's2']);
  });

  test('[UE-072] [UE-074] what `connected` answers is ignored', async () => {
    const hub = await startHub({ handler: everything });
    hub.upstream.on('connected', reply(200, { 'ce-connectionState': 'no' }));
    const client = await jsonClient(hub);
    await client.ask(vote(1));
    await client.ask(vote(2));
    const [first, second] = [await hub.upstream.next('vote'), await hub.upstream.next('vote')];
    expect([stateOf(first), stateOf(second)]).toEqual([undefined, undefined]);
  });

  test('[UE-073] what a failed event answers is ignored', async () => {
    const hub = await startHub({ handler: everything });
    hub.upstream.on(
      'vote',
      inTurn(reply(200, { 'ce-connectionState': 's1' }), reply(400, { 'ce-connectionState': 'no' })),
    );
    const client = await jsonClient(hub);
    for (const ackId of [1, 2, 3]) await client.ask(vote(ackId));
    const seen = [await hub.upstream.next('vote'), await hub.upstream.next('vote'), await hub.upstream.next('vote')];
    expect(seen.map(stateOf)).toEqual([undefined, 's1', 's1']);
  });

  test('[upstream-events 3.5] it is a connection’s, not a user’s, and an empty one is sent empty', async () => {
    const hub = await startHub({ handler: everything });
    hub.upstream.on('connect', inTurn(reply(204, { 'ce-connectionState': '' }), reply(204)));
    const token = { userId: 'same' };
    for (const expected of ['', undefined]) {
      const client = await hub.dial({ token });
      await client.ask(vote(1));
      expect(stateOf(await hub.upstream.next('vote'))).toBe(expected);
    }
  });

  test('[UE-075] cookies go back to the upstream for the same connection only', async () => {
    const hub = await startHub({ handler: everything });
    hub.upstream.on('connect', inTurn(reply(204, { 'Set-Cookie': ['a=1', 'b=2; Path=/vote'] }), reply(204)));
    const [one, other] = [await jsonClient(hub), await jsonClient(hub)];
    await one.ask(vote(1));
    await other.ask(vote(1));
    await one.ask({ type: 'event', event: 'else', data: 1, ackId: 2 });
    const seen = [];
    for (const name of ['connect', 'connect', 'vote', 'vote', 'else']) seen.push(await hub.upstream.next(name));
    expect(seen.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined, 'b=2; a=1', undefined, 'a=1']);
  });
});
