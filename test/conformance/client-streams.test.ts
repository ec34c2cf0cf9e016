import { describe, expect, test } from 'vitest';
import { ManualClock } from '../support/manual-clock.js';
import { openSession, reliableProtocol, takeUp } from '../support/reliable-client.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { jsonProtocol, type TestClient } from '../support/test-client.js';

const publisher = { userId: 'ann', roles: ['webpubsub.sendToGroup'] };

const start = (more: object = {}, request: object = {}) => ({
  type: 'sendToGroup',
  group: 'g',
  stream: { streamId: 's', ...more },
  ...request,
});
const data = (streamSequenceId: number, text = `${streamSequenceId}`) => ({
  type: 'streamData',
  streamId: 's',
  streamSequenceId,
  dataType: 'text',
  data: text,
});
const end = (error?: object) => ({ type: 'streamEnd', streamId: 's', ...(error && { error }) });
const ack = (expectedSequenceId: number) => ({ type: 'streamAck', streamId: 's', expectedSequenceId });
const closed = (name?: string) => ({
  type: 'streamClosed',
  streamId: 's',
  ...(name === undefined ? {} : { error: { name, message: expect.any(String) } }),
});

/** What a subscriber hears of a fragment, without the number of its own session. */
const heard = (streamSequenceId: number, text: string, more: object = {}) => ({
  type: 'message',
  from: 'group',
  group: 'g',
  fromUserId: 'ann',
  dataType: 'text',
  data: text,
  stream: { streamId: 's', streamSequenceId, ...more },
});

async function join(hub: StartedHub, protocol: string, token: object): Promise<TestClient> {
  const client = await hub.dial({ protocols: [protocol], token });
  await client.next();
  return client;
}

/** A publisher and a subscriber of the group. */
async function startPair(protocol = jsonProtocol, options: Parameters<typeof startHub>[0] = {}) {
  const hub = await startHub(options);
  const [client, subscriber] = await Promise.all([
    join(hub, protocol, publisher),
    join(hub, protocol, { groups: ['g'] }),
  ]);
  return { ...hub, client, subscriber };
}

/** The next message, without its number. */
async function nextOf(subscriber: TestClient): Promise<object> {
  const { sequenceId: _, ...message } = await subscriber.next();
  return message;
}

describe.each([jsonProtocol, reliableProtocol])('[client-protocols 4.8] a stream with %s', protocol => {
  test('[CP-095] the start is acked with 1; fragments arrive with their numbers, and are acked', async () => {
    const { client, subscriber } = await startPair(protocol);
    client.send(start());
    expect(await client.next()).toEqual(ack(1));
    for (const sequenceId of [1, 2, 3]) client.send(data(sequenceId));
    for (const sequenceId of [1, 2, 3]) {
      expect(await nextOf(subscriber)).toEqual(heard(sequenceId, `${sequenceId}`));
      expect(await client.next()).toEqual(ack(sequenceId + 1));
    }
  });

  test('[CP-096] a fragment sent again is not delivered again, and acked with the current number', async () => {
    const { client, subscriber } = await startPair(protocol);
    for (const message of [start(), data(1), data(2), data(1, 'again'), data(2, 'again')]) client.send(message);
    for (const expected of [1, 2, 3, 3, 3]) expect(await client.next()).toEqual(ack(expected));
    await subscriber.settle();
    expect(subscriber.rest).toHaveLength(2);
  });

  test('[CP-097] a fragment too far is refused and not delivered; the stream goes on', async () => {
    const { client, subscriber } = await startPair(protocol);
    for (const message of [start(), data(1), data(3), data(2)]) client.send(message);
    const refusal = { type: 'streamNack', streamId: 's', expectedSequenceId: 2, name: 'InvalidSequenceId' };
    expect([await client.next(), await client.next(), await client.next(), await client.next()]).toEqual([
      ack(1),
      ack(2),
      { ...refusal, message: expect.any(String) },
      ack(3),
    ]);
    expect([await nextOf(subscriber), await nextOf(subscriber)]).toEqual([heard(1, '1'), heard(2, '2')]);
    await subscriber.settle();
    expect(subscriber.rest).toEqual([]);
  });

  test('[CP-098] the end closes it for both; its id may be used again', async () => {
    const { client, subscriber } = await startPair(protocol);
    for (const message of [start(), data(1), end(), start(), data(1)]) client.send(message);
    for (const expected of [ack(1), ack(2), closed(), ack(1), ack(2)]) expect(await client.next()).toEqual(expected);
    const last = heard(2, '', { endOfStream: true });
    for (const expected of [heard(1, '1'), last, heard(1, '1')]) expect(await nextOf(subscriber)).toEqual(expected);
  });

  test('[CP-099] an end with an error is UserError for the subscriber, not for the publisher', async () => {
    const { client, subscriber } = await startPair(protocol);
    const error = { message: 'no more', userErrorCode: 'E7' };
    for (const message of [start(), end(error)]) client.send(message);
    expect([await client.next(), await client.next()]).toEqual([ack(1), closed()]);
    expect(await nextOf(subscriber)).toEqual(
      heard(1, '', { endOfStream: true, error: { name: 'UserError', ...error } }),
    );
  });

  test.each([
    ['as asked', { idleTimeoutMs: 700 }, 700],
    ['by default', {}, 300_000],
  ])('[CP-100] silence ends it, %s', async (_title, more, idleTimeoutMs) => {
    const clock = new ManualClock();
    const { client, subscriber } = await startPair(protocol, {
      clock,
      chat: { webSocketKeepAliveIntervalInSeconds: 120 },
    });
    client.send(start(more));
    expect(await client.next()).toEqual(ack(1));
    const advance = async (ms: number) => {
      // In steps, each with a word from both: the clients must not look dead meanwhile.
      for (let left = ms; left > 0; left -= 100_000) {
        clock.advance(Math.min(left, 100_000));
        await Promise.all([client.settle(), subscriber.settle()]);
      }
    };
    await advance(idleTimeoutMs - 1);
    client.send({ type: 'streamData', streamId: 's' });
    await client.settle();
    await advance(idleTimeoutMs - 1);
    expect([client.rest, subscriber.rest]).toEqual([[], []]);
    await advance(1);
    expect(await client.next()).toEqual(closed('IdleTimeout'));
    const error = { name: 'IdleTimeout', message: expect.any(String) };
    expect(await nextOf(subscriber)).toEqual(heard(1, '', { endOfStream: true, error }));
    client.send(data(1));
    expect(await client.next()).toEqual(closed('StreamNotFound'));
  });

  test('[CP-101] without the role: Forbidden, and open', async () => {
    const { client, subscriber, dial } = await startPair(protocol);
    const stranger = await dial({ protocols: [protocol], token: { roles: ['webpubsub.sendToGroup.h'] } });
    await stranger.next();
    stranger.send(start());
    expect(await stranger.next()).toEqual(closed('Forbidden'));
    stranger.send(data(1));
    expect(await stranger.next()).toEqual(closed('StreamNotFound'));
    client.send(start());
    expect(await client.next()).toEqual(ack(1));
    expect(subscriber.rest).toEqual([]);
  });

  test('[client-protocols D22] the publisher’s close cancels it', async () => {
    const { client, subscriber } = await startPair(protocol);
    for (const message of [start(), data(1)]) client.send(message);
    await client.next();
    await client.next();
    await client.close(1000);
    expect(await nextOf(subscriber)).toEqual(heard(1, '1'));
    const error = { name: 'Cancelled', message: expect.any(String) };
    expect(await nextOf(subscriber)).toEqual(heard(2, '', { endOfStream: true, error }));
  });

  test('[client-protocols D20] idleTimeoutMs 0: BadRequest; noEcho spares the publisher', async () => {
    const hub = await startHub();
    const client = await join(hub, protocol, { ...publisher, groups: ['g'] });
    client.send(start({ idleTimeoutMs: 0 }));
    expect(await client.next()).toEqual(closed('BadRequest'));
    for (const message of [start({}, { noEcho: true }), data(1), end()]) client.send(message);
    for (const expected of [ack(1), ack(2), closed()]) expect(await client.next()).toEqual(expected);
    await client.settle();
    expect(client.rest).toEqual([]);
  });
});

describe('[client-protocols 4.8] other receivers', () => {
  test('a simple one hears the contents, and nothing of the end', async () => {
    const hub = await startHub();
    const client = await join(hub, jsonProtocol, { ...publisher, groups: ['g'] });
    const simple = await hub.dial({ protocols: [], token: { groups: ['g'] } });
    for (const message of [start(), data(1), end(), { ...start(), stream: undefined, data: 'last' }])
      client.send(message);
    expect([await simple.nextText(), await simple.nextText()]).toEqual(['1', '"last"']);
  });
});

describe('[client-protocols 4.8] a publisher that loses its socket', () => {
  test('[CP-102] takes its stream up again: what is sent twice arrives once, and nothing is missing', async () => {
    const hub = await startHub();
    const subscriber = await join(hub, reliableProtocol, { groups: ['g'] });
    const session = await openSession(hub, { token: publisher });
    for (const message of [start(), data(1), data(2)]) session.client.send(message);
    for (const expected of [ack(1), ack(2), ack(3)]) expect(await session.client.next()).toEqual(expected);
    session.client.ws.terminate();
    const again = await takeUp(hub, session);
    expect(await again.next()).toMatchObject({ event: 'connected', connectionId: session.connectionId });
    for (const message of [data(2), data(3), end()]) again.send(message); // the ack of 2 may have been lost
    for (const expected of [ack(3), ack(4), closed()]) expect(await again.next()).toEqual(expected);
    for (const sequenceId of [1, 2, 3]) {
      expect(await nextOf(subscriber)).toEqual(heard(sequenceId, `${sequenceId}`));
    }
    expect(await nextOf(subscriber)).toEqual(heard(4, '', { endOfStream: true }));
  });

  test('[client-protocols D22] and does not come back: cancelled at the end of the window, not before', async () => {
    const clock = new ManualClock();
    const hub = await startHub({ clock });
    const subscriber = await join(hub, jsonProtocol, { groups: ['g'] });
    const { client } = await openSession(hub, { token: publisher });
    client.send(start());
    expect(await client.next()).toEqual(ack(1));
    client.ws.terminate();
    await clock.whenDueIn(30_000);
    clock.advance(29_999);
    await subscriber.settle();
    expect(subscriber.rest).toEqual([]);
    clock.advance(1);
    expect((await subscriber.next()).stream).toMatchObject({ endOfStream: true, error: { name: 'Cancelled' } });
  });
});
