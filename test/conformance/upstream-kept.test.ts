import { describe, expect, test } from 'vitest';
import { inTurn, reply } from '../support/answers.js';
import { RecordingObserver } from '../support/recording-observer.js';
import { startHub } from '../support/start-hub.js';
import { statusOf } from '../support/tokens.js';

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
const file = { delivery: { retryDelaysInSeconds: [] } };

/** Of a text's UTF-8, as Node writes a header. */
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

async function start() {
  const observer = new RecordingObserver();
  const hub = await startHub({ handler: everything, file, observer });
  return { ...hub, observer };
}

describe('[F6] what cannot be sent back does not keep later events from their upstream', () => {
  test.each([
    ['[D03] UTF-8', utf8('name=日本; Path=/')],
    ['[D03] Latin-1', 'name=Jos\u00e9'],
  ])('cookies in %s', async (_, cookie) => {
    const { dial, upstream, observer } = await start();
    upstream.on('connect', reply(204, { 'Set-Cookie': [cookie, 'good=1'] }));
    upstream.on('vote', inTurn(reply(204, { 'Set-Cookie': cookie }), reply(204)));
    const client = await dial();
    await client.next();
    for (const ackId of [1, 2]) {
      expect(await client.ask({ type: 'event', event: 'vote', data: 1, ackId })).toMatchObject({ success: true });
    }
    await client.close(1000);
    const { headers } = await upstream.next('disconnected');
    expect(headers.cookie).toBe('good=1');
    expect(observer.warnings).toEqual([
      expect.stringMatching(
        /^answer of .* to connect: cookie "name" is dropped: it contains characters other than printable ASCII/,
      ),
      expect.stringMatching(/^answer of .* to a user event: cookie "name" is dropped/),
    ]);
  });

  test('[V02] a simple client stays after such a cookie', async () => {
    const { dial, upstream } = await start();
    upstream.on('connect', reply(204, { 'Set-Cookie': utf8('n=é') }));
    upstream.on('message', reply(200, { 'Content-Type': 'text/plain' }, 'hi'));
    const client = await dial({ protocols: [] });
    client.send('hello');
    expect((await client.nextFrame()).bytes.toString()).toBe('hi');
  });

  test('a cookie of another name each time: 8 KiB are kept, and the end is told to an upstream of 16 KiB', async () => {
    const { dial, upstream, observer } = await start();
    let count = 0;
    upstream.on('vote', (request, response) => {
      count += 1;
      return reply(204, { 'Set-Cookie': `req${count}=${'x'.repeat(1024)}` })(request, response);
    });
    const client = await dial();
    await client.next();
    for (let ackId = 1; ackId <= 24; ackId += 1) {
      expect(await client.ask({ type: 'event', event: 'vote', data: 1, ackId })).toMatchObject({ success: true });
    }
    await client.close(1000);
    const { headers } = await upstream.next('disconnected');
    expect(headers.cookie?.length).toBeLessThanOrEqual(8 * 1024);
    expect(headers.cookie).toContain('req24=');
    expect(new Set(observer.warnings).size).toBe(1);
  });

  test('a state: the event fails, the state stays as it was', async () => {
    const { dial, upstream, observer } = await start();
    const poison = reply(204, { 'ce-connectionState': utf8('naïve') });
    upstream.on('vote', inTurn(reply(204, { 'ce-connectionState': 's1' }), poison, reply(204)));
    const client = await dial();
    await client.next();
    const vote = (ackId: number) => client.ask({ type: 'event', event: 'vote', data: 1, ackId });
    expect([(await vote(1)).success, (await vote(2)).success, (await vote(3)).success]).toEqual([true, false, true]);
    await client.close(1000);
    expect((await upstream.next('disconnected')).headers['ce-connectionstate']).toBe('s1');
    const failed = observer.events.find(({ outcome }) => outcome === 'failed');
    expect(failed?.reason).toBe(
      "the answer's ce-connectionState cannot be sent back: it contains characters other than printable ASCII; encode it, for example as base64",
    );
  });

  test('[upstream-events 7.2] a state above 8 KiB is kept with a warning', async () => {
    const { dial, upstream, observer } = await start();
    const state = 'x'.repeat(9 * 1024);
    upstream.on('connect', reply(204, { 'ce-connectionState': state }));
    await dial();
    expect((await upstream.next('connected')).headers['ce-connectionstate']).toBe(state);
    expect(observer.warnings).toEqual([expect.stringContaining('ce-connectionState is larger than 8192 bytes')]);
  });

  test('a state that cannot be sent back refuses a client with 500', async () => {
    const { dial, upstream } = await start();
    upstream.on('connect', reply(204, { 'ce-connectionState': utf8('日本') }));
    expect(await statusOf(dial)).toBe(500);
  });

  test('metadata with a tab reaches the upstream', async () => {
    const { dial, upstream } = await start();
    const client = await dial();
    await client.next();
    const event = { type: 'event', event: 'vote', data: 1, ackId: 1, metadata: { trace: 'a\tb' } };
    expect(await client.ask(event)).toMatchObject({ success: true });
    expect((await upstream.next('vote')).headers['x-webpubsub-metadata-trace']).toBe('a\tb');
  });
});

describe('answers in other forms', () => {
  test('[D12] a byte order mark before the answer to connect is skipped', async () => {
    const { dial, upstream } = await start();
    upstream.on('connect', reply(200, { 'Content-Type': 'application/json' }, '\ufeff{"userId":"bob"}'));
    const client = await dial();
    expect((await client.next()).userId).toBe('bob');
  });

  test.each([
    ['text/plain; charset=iso-8859-1', Buffer.from('José', 'latin1'), 'José'],
    ['text/plain; charset=utf-16', Buffer.from('\ufeffJosé', 'utf16le'), 'José'],
    ['application/json', Buffer.from('\ufeff"José"'), 'José'],
  ])('[V05] [D12] %s reaches a client in UTF-8', async (type, body, data) => {
    const { dial, upstream } = await start();
    upstream.on('vote', reply(200, { 'Content-Type': type }, body));
    const client = await dial();
    await client.next();
    client.send({ type: 'event', event: 'vote', data: 1 });
    expect((await client.next()).data).toBe(data);
  });
});

describe('what an app that does not fit is told', () => {
  test('[D20] 404 to connect: the client gets it, and a warning names the hub', async () => {
    const { dial, upstream, observer } = await start();
    upstream.on('connect', reply(404, { 'Content-Type': 'text/html' }, 'Cannot POST /connect'));
    expect(await statusOf(dial)).toBe(404);
    expect(observer.warnings).toEqual([
      `app at ${upstream.origin}/{event} answered 404 to connect of hub "chat"; does its middleware serve hub "chat"?`,
    ]);
  });

  test('[D20] [V10] [D21] an event’s failure says what came', async () => {
    const { dial, upstream, observer } = await start();
    upstream.on(
      'vote',
      inTurn(reply(404), reply(200, { 'Content-Type': 'text/html' }, '<p>'), reply(308, { Location: '/x?code=k' })),
    );
    const client = await dial();
    await client.next();
    for (const ackId of [1, 2, 3]) await client.ask({ type: 'event', event: 'vote', data: 1, ackId });
    expect(observer.events.filter(({ outcome }) => outcome === 'failed').map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/answered 404 to vote of hub "chat"; does its middleware serve hub "chat"\?$/),
      expect.stringMatching(
        /^the answer's Content-Type is "text\/html", which cannot be sent to clients; use text\/plain, /,
      ),
      'the event handler answered 308 to /x; redirects are not followed',
    ]);
  });

  test('[V11] fields in another letter case are ignored with a warning each', async () => {
    const { dial, upstream, observer } = await start();
    upstream.on('connect', reply(200, {}, '{"UserId":"bob","Roles":[]}'));
    const client = await dial({ token: { userId: 'ann' } });
    expect((await client.next()).userId).toBe('ann');
    expect(observer.warnings.map(warning => warning.split(': ').slice(1).join(': '))).toEqual([
      expect.stringContaining('field "UserId" is ignored: write "userId"'),
      expect.stringContaining('field "Roles" is ignored: write "roles"'),
    ]);
  });
});

test('[L13] [UE-103] a client may raise events named as system events are: the type tells them apart', async () => {
  const { dial, upstream } = await start();
  const client = await dial();
  await client.next();
  await upstream.next('connect');
  await upstream.next('connected');
  for (const [index, event] of ['connect', 'connected', 'disconnected', 'validate'].entries()) {
    await client.ask({ type: 'event', event, data: 1, ackId: index });
    const request = await upstream.next(event);
    expect(request.headers['ce-type']).toBe(`azure.webpubsub.user.${event}`);
    expect(request.url).toBe(`/${event}`);
  }
});
