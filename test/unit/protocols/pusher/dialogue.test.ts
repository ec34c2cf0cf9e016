import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { isSigned, signatureOf } from '../../../../src/auth/pusher-signatures.js';
import { PubSubError } from '../../../../src/errors.js';
import type { Frames } from '../../../../src/frames/frames.js';
import type { Act } from '../../../../src/protocols/acts.js';
import type { Step } from '../../../../src/protocols/protocol.js';
import { type DialogueApp, PusherDialogue } from '../../../../src/protocols/pusher/index.js';
import { textFrame } from '../../../support/fake-ports.js';

const secret = 'hubsecret01';
const socketId = '8181.30117';
const keys = [{ key: 'hubkey01', secret, active: true }];

let app: { -readonly [K in keyof DialogueApp]: DialogueApp[K] };
let dialogue: PusherDialogue;

beforeEach(() => {
  app = {
    isSigned: (auth, text) => isSigned(keys, auth, text),
    takesClientEvents: true,
    countsSubscriptions: false,
    mostMembers: 100,
    clientEventsPerSecond: 10,
    mostEventBytes: 10_240,
  };
  dialogue = new PusherDialogue(app, socketId);
});

function auth(text: string): string {
  return `hubkey01:${signatureOf(secret, `${socketId}:${text}`)}`;
}

function receive(message: string | object): Step | undefined {
  return dialogue.receive(textFrame(message));
}

function subscribe(data: object): Step | undefined {
  return receive({ event: 'pusher:subscribe', data });
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape
function parsed(frames: Frames): any[] {
  return frames.each().map(({ bytes }) => JSON.parse(bytes.toString()));
}

/** What the client is told at once. */
function told(step: Step | undefined) {
  if (step?.kind !== 'say') throw new Error(`not told, but ${JSON.stringify(step)}`);
  return parsed(step.frames);
}

function answered(step: Step | undefined, result?: Parameters<PusherDialogue['answer']>[1]) {
  const answer = dialogue.answer(step as Act, result);
  return answer === undefined ? [] : parsed(answer);
}

const errorOf = (code: number | null) => ({ event: 'pusher:error', data: { code, message: expect.any(String) } });

describe('[PW §3.5] subscriptions', () => {
  test('a public channel needs nothing', () => {
    const step = subscribe({ channel: 'orders', auth: '' });
    expect(step).toMatchObject({ kind: 'join', group: 'orders', isStrict: true });
    expect(answered(step)).toEqual([
      { event: 'pusher_internal:subscription_succeeded', channel: 'orders', data: '{}' },
    ]);
    expect(dialogue.isAuthorized).toBe(false);
  });

  test.each(['private-orders', 'private-encrypted-orders'])('[PW-070] %s: the signature decides', channel => {
    const right = auth(channel);
    const step = subscribe({ channel, auth: right });
    expect(step).toMatchObject({ kind: 'join', group: channel });
    answered(step);
    expect(dialogue.isAuthorized).toBe(true);
    const flipped = right.slice(0, -1) + (right.endsWith('0') ? '1' : '0');
    for (const wrong of [flipped, '', undefined, null, 7, auth('private-other'), right.replace('hubkey01', 'other')]) {
      const errors = told(subscribe({ channel, auth: wrong }));
      expect(errors).toEqual([
        {
          event: 'pusher:subscription_error',
          channel,
          data: { type: 'AuthError', error: expect.any(String), status: 401 },
        },
        errorOf(null),
      ]);
      expect(JSON.stringify(errors)).not.toContain(right.slice('hubkey01:'.length));
    }
  });

  test('[PW-071] a private channel with channel_data: signed with it; null and none: without it', () => {
    const data = '{"user_id":"u-19"}';
    const [two, three] = [auth('private-orders'), auth(`private-orders:${data}`)];
    const join = (fields: object) => subscribe({ channel: 'private-orders', ...fields })?.kind;
    expect(join({ auth: three, channel_data: data })).toBe('join');
    expect(join({ auth: two, channel_data: data })).toBe('say');
    expect(join({ auth: two, channel_data: null })).toBe('join');
    expect(join({ auth: three })).toBe('say');
    expect(join({ auth: two, channel_data: '' })).toBe('join');
    expect(join({ auth: auth('private-orders:'), channel_data: '' })).toBe('join');
    expect(join({ auth: two, channel_data: { user_id: 1 } })).toBe('say');
  });

  test('[PW-072] presence: the member is that of the signed text, whatever its order of keys', () => {
    const data = '{"user_info":{"b":1,"a":2},"user_id":7}';
    const channel = 'presence-desk';
    const step = subscribe({ channel, channel_data: data, auth: auth(`${channel}:${data}`) });
    expect(step).toMatchObject({
      kind: 'join',
      tag: { member: { id: '7', about: { idJson: '7', infoJson: '{"b":1,"a":2}' } } },
      view: { mostMembers: 100 },
    });
    const other = '{"user_id":7,"user_info":{"b":1,"a":2}}';
    const [refusal] = told(subscribe({ channel, channel_data: other, auth: auth(`${channel}:${data}`) }));
    expect(refusal.data.status).toBe(401);
  });

  test.each([
    ['9007199254740993', '9007199254740993'],
    ['9007199254740992', '9007199254740992'],
    ['-12345678901234567890', '-12345678901234567890'],
    ['"9007199254740993"', '9007199254740993'],
  ])(
    '[PW §2.3, §7, row 23] presence: user_id %s and user_info keep the digits that were signed; clients read the id as JavaScript does',
    (idJson, id) => {
      const channel = 'presence-desk';
      const infoJson = '{"n": 12345678901234567890, "f":1.0}';
      const step = subscribe({ channel, ...signedAs(channel, `{"user_id": ${idJson} , "user_info":${infoJson}}`) });
      const toldAs = JSON.stringify(JSON.parse(idJson));
      expect(step).toMatchObject({ tag: { member: { id, about: { idJson: toldAs, infoJson } } } });
    },
  );

  test.each([
    ['no JSON', '{'],
    ['no object', '["a"]'],
    ['no id', '{"user_info":{}}'],
    ['an empty id', '{"user_id":""}'],
    ['an id of another type', '{"user_id":{}}'],
    ['a number that JavaScript does not have', '{"user_id":1e400}'],
    ['an id that no URL can have', '{"user_id":".."}'],
    ['too long an id', `{"user_id":"${'x'.repeat(129)}"}`],
    ['too long a number', `{"user_id":${'7'.repeat(129)}}`],
    ['too large an info', `{"user_id":"a","user_info":"${'x'.repeat(1_023)}"}`],
    ['too deep an info', `{"user_id":"a","user_info":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('presence with %s is refused', (_title, data) => {
    const channel = 'presence-desk';
    const [refusal] = told(subscribe({ channel, channel_data: data, auth: auth(`${channel}:${data}`) }));
    expect(refusal).toMatchObject({ event: 'pusher:subscription_error', channel, data: { type: 'AuthError' } });
  });

  test('presence: the largest member; one without info has an empty one', () => {
    const channel = 'presence-desk';
    const largest = `{"user_id":"${'x'.repeat(128)}","user_info":"${'x'.repeat(1_022)}"}`;
    expect(subscribe({ channel, channel_data: largest, auth: auth(`${channel}:${largest}`) })?.kind).toBe('join');
    const wide = `{"user_id":"${'😀'.repeat(128)}"}`; // characters, not units of a string
    expect(subscribe({ channel, ...signedAs(channel, wide) })?.kind).toBe('join');
    const least = '{"user_id":0}';
    expect(subscribe({ channel, channel_data: least, auth: auth(`${channel}:${least}`) })).toMatchObject({
      tag: { member: { id: '0', about: { idJson: '0', infoJson: '{}' } } },
    });
  });

  test('[PW-074] presence without channel_data: the user who has signed in', () => {
    const channel = 'presence-desk';
    const fields = { channel, auth: auth(channel) };
    expect(told(subscribe(fields))[0].data.status).toBe(401);
    const user = '{"id":"u-19","user_info":{"name":"ann"}}';
    receive({ event: 'pusher:signin', data: { auth: auth(`:user::${user}`), user_data: user } });
    expect(subscribe(fields)).toMatchObject({
      tag: { member: { id: 'u-19', about: { idJson: '"u-19"', infoJson: '{"name":"ann"}' } } },
    });
  });

  test('[PW-083] the channel of a user is for that user', () => {
    const user = '{"id":"u-19"}';
    expect(told(subscribe({ channel: '#server-to-user-u-19', auth: '' }))[0].data.status).toBe(401);
    receive({ event: 'pusher:signin', data: { auth: auth(`:user::${user}`), user_data: user } });
    expect(subscribe({ channel: '#server-to-user-u-19', auth: '' })?.kind).toBe('join');
    expect(told(subscribe({ channel: '#server-to-user-u-20', auth: '' }))[0].data.status).toBe(401);
  });

  test('[PW-075] a full channel, one that is subscribed, nodes that do not answer', () => {
    const step = subscribe({ channel: 'presence-x', ...signedAs('presence-x', '{"user_id":"a"}') });
    expect(answered(step, new PubSubError('tooMany', 'full'))).toEqual([
      {
        event: 'pusher:subscription_error',
        channel: 'presence-x',
        data: { type: 'LimitReached', error: 'full', status: 4100 },
      },
    ]);
    const [twice] = answered(step, new PubSubError('conflict', 'x'));
    expect(twice.data).toEqual({ code: null, message: 'Existing subscription to channel presence-x' });
    const [unreached] = answered(step, new PubSubError('unknown', 'secret of ours'));
    expect(unreached.data.type).toBe('ServerError');
    expect(JSON.stringify(unreached)).not.toContain('secret of ours');
    expect(dialogue.isAuthorized).toBe(false);
  });

  test('[PW-080] a cache channel: its last event comes next, or that there is none', () => {
    const step = subscribe({ channel: 'cache-x' });
    expect(step).toMatchObject({ view: { last: true } });
    const payload = { dataType: 'text', bytes: Buffer.from('d'), metadata: undefined } as const;
    const last = { kind: 'groupMessage', group: 'cache-x', fromUserId: undefined, payload, stream: undefined } as const;
    expect(answered(step, { members: undefined, last: { ...last, event: 'e' } })[1]).toEqual({
      event: 'e',
      channel: 'cache-x',
      data: 'd',
    });
    expect(answered(step, { members: undefined, last: undefined })[1].event).toBe('pusher:cache_miss');
  });

  test('unsubscribe has no answer, unless there was nothing to end', () => {
    const step = receive({ event: 'pusher:unsubscribe', data: { channel: 'c' } });
    expect(step).toEqual({ kind: 'leave', group: 'c', isStrict: true });
    expect(answered(step)).toEqual([]);
    expect(answered(step, new PubSubError('conflict', 'x'))[0].data).toEqual({
      code: null,
      message: 'No current subscription to channel c',
    });
  });

  test('the limits of members are those of signed-in users, too', () => {
    const user = JSON.stringify({ id: 'u-19', user_info: 'x'.repeat(1_023) });
    receive({ event: 'pusher:signin', data: { auth: auth(`:user::${user}`), user_data: user } });
    const [refusal] = told(subscribe({ channel: 'presence-desk', auth: auth('presence-desk') }));
    expect(refusal.data.error).toBe('user_info has 1025 bytes; at most 1024 are allowed.');
  });

  test('limits of the app: names and members', () => {
    app.mostChannelNameLength = 5;
    expect(subscribe({ channel: 'abcde' })?.kind).toBe('join');
    expect(told(subscribe({ channel: 'abcdef' }))[0].data.type).toBe('InvalidChannel');
    app.mostChannelNameLength = 200;
    app.mostMemberBytes = 2;
    const member = (info: string) => signedAs('presence-x', `{"user_id":1,"user_info":${info}}`);
    expect(subscribe({ channel: 'presence-x', ...member('{}') })?.kind).toBe('join');
    expect(subscribe({ channel: 'presence-x', ...member('[1]') })?.kind).toBe('say');
    app.mostMemberBytes = 1024 * 1024;
    const nested = (depth: number) => `${'[{"\\"[":'.repeat(depth)}0${'}]'.repeat(depth)}`;
    expect(subscribe({ channel: 'presence-x', ...member(nested(50)) })?.kind).toBe('join');
    expect(subscribe({ channel: 'presence-x', ...member(nested(51)) })?.kind).toBe('say');
    expect(subscribe({ channel: 'presence-x', ...member(nested(20_000)) })?.kind).toBe('say');
  });

  test('an invalid name', () => {
    const [refusal, error] = told(subscribe({ channel: 'a b' }));
    expect(refusal).toMatchObject({
      event: 'pusher:subscription_error',
      channel: 'a b',
      data: { type: 'InvalidChannel' },
    });
    expect(error).toEqual(errorOf(null));
  });
});

function signedAs(channel: string, data: string) {
  return { channel_data: data, auth: auth(`${channel}:${data}`) };
}

describe('[PW §3.6] client events', () => {
  const send = (fields: object) => receive({ event: 'client-x', channel: 'private-c', ...fields });

  test.each<[string, string, string]>([
    ['a string', '"a\\u00e9\\n"', 'aé\n'],
    ['an object: its own text', '{"n": 12345678901234567890, "f":1.0}', '{"n": 12345678901234567890, "f":1.0}'],
    ['null', 'null', 'null'],
  ])('data that is %s', (_title, json, text) => {
    const step = receive(`{"event":"client-x","channel":"private-c","data":${json}}`);
    expect(step).toMatchObject({ kind: 'publish', group: 'private-c', event: 'client-x', noEcho: true });
    expect((step as Act & { kind: 'publish' }).payload).toMatchObject({ dataType: 'text', bytes: Buffer.from(text) });
    expect(answered(step)).toEqual([]);
  });

  test('without data', () => {
    expect((send({}) as Act & { kind: 'publish' }).payload.bytes.toString()).toBe('null');
  });

  test.each(['private-c', 'presence-c', 'private-encrypted-c', 'private-cache-c'])('on %s', channel => {
    expect(send({ channel })).toMatchObject({ kind: 'publish', isForMembersOnly: true, mostPerSecond: 10 });
  });

  test.each<[string, object | string]>([
    ['public', { channel: 'c' }],
    ['of a user', { channel: '#server-to-user-a' }],
    ['none', { channel: undefined }],
    ['no string', { channel: 7 }],
    ['invalid', { channel: 'private-a b' }],
  ])('on a channel that is %s: refused', (_title, fields) => {
    expect(told(send(fields as object))).toEqual([errorOf(null)]);
  });

  test('[PW-078] names that only contain client-, and the protocol’s own', () => {
    for (const event of ['xclient-y', 'pusher:foo', 'pusher_internal:member_added', 'Client-x', '']) {
      expect(told(send({ event }))).toEqual([errorOf(null)]);
    }
  });

  test('disabled, too long, too large', () => {
    expect(told(send({ event: `client-${'x'.repeat(194)}` }))).toEqual([errorOf(4301)]);
    expect(told(send({ data: 'é'.repeat(5_121) }))).toEqual([errorOf(4301)]);
    expect(send({ data: 'é'.repeat(5_120) })?.kind).toBe('publish');
    app.mostEventNameLength = 8;
    for (const event of ['client-x', 'client-😀']) expect(send({ event })?.kind).toBe('publish');
    expect(told(send({ event: 'client-xy' }))).toEqual([errorOf(4301)]);
    app.takesClientEvents = false;
    expect(told(send({}))).toEqual([errorOf(null)]);
  });

  test('[PW-077] errors of the hub', () => {
    const step = send({});
    expect(answered(step, new PubSubError('tooMany', 'x'))).toEqual([errorOf(4301)]);
    expect(answered(step, new PubSubError('forbidden', 'x'))).toEqual([errorOf(null)]);
  });
});

describe('[PW §3.9] sign-in', () => {
  const signIn = (user: string, signature = auth(`:user::${user}`)) =>
    receive({ event: 'pusher:signin', data: { auth: signature, user_data: user } });

  test('[PW-082] answers with the same text', () => {
    const user = '{ "id":"u-19", "user_info":{"n":1.0} }';
    const step = signIn(user);
    expect(step).toMatchObject({ kind: 'signIn', userId: 'u-19', watched: [] });
    expect(answered(step)).toEqual([{ event: 'pusher:signin_success', data: { user_data: user } }]);
    expect(dialogue.isAuthorized).toBe(true);
    expect(dialogue.record()).toEqual({ signedIn: { id: 'u-19', userData: user } });
  });

  test('again: the same user is the same, another is refused', () => {
    answered(signIn('{"id":"a"}'));
    expect(told(signIn('{"id":"a","user_info":{}}'))[0].event).toBe('pusher:signin_success');
    expect(told(signIn('{"id":"b"}'))).toEqual([errorOf(4009)]);
  });

  test.each(['{', '[]', '{}', '{"id":7}', '{"id":""}', '{"id":"a b"}', `{"id":"${'x'.repeat(185)}"}`])(
    'user_data %s is refused',
    user => {
      expect(told(signIn(user))).toEqual([errorOf(4009)]);
    },
  );

  test('a wrong signature; one that the hub cannot complete may be repeated', () => {
    expect(told(signIn('{"id":"a"}', auth(':user::{"id":"b"}')))).toEqual([errorOf(4009)]);
    expect(answered(signIn('{"id":"a"}'), new PubSubError('unknown', 'x'))).toEqual([errorOf(4009)]);
    expect(signIn('{"id":"b"}')?.kind).toBe('signIn');
  });

  test('[PW-086] the first 100 of a watchlist', () => {
    const ids = Array.from({ length: 101 }, (_, at) => `u${at}`);
    const step = signIn(JSON.stringify({ id: 'a', watchlist: ids }));
    expect(step).toMatchObject({ watched: ids.slice(0, 100) });
    const [success, error] = answered(step);
    expect([success.event, error]).toEqual(['pusher:signin_success', errorOf(4302)]);
  });

  test('an app without watchlists: nobody is watched, and none is too long', () => {
    app.ignoresWatchlists = true;
    const step = signIn(JSON.stringify({ id: 'a', watchlist: Array.from({ length: 101 }, () => 'b') }));
    expect(step).toMatchObject({ watched: [] });
    expect(answered(step)).toHaveLength(1);
  });

  test('a watchlist of 100, and what is none', () => {
    const ids = Array.from({ length: 100 }, (_, at) => `u${at}`);
    expect(answered(signIn(JSON.stringify({ id: 'a', watchlist: ids })))).toHaveLength(1);
    dialogue = new PusherDialogue(app, socketId);
    expect(signIn('{"id":"a","watchlist":"b"}')).toMatchObject({ watched: [] });
  });

  test('[PW §3.9] a watchlist: a number is its decimal text, what is no id is left out', () => {
    const user = '{"id":"a","watchlist":["u1", 5 ,9007199254740993,"",null,true,{"x":[1]},["b"],"u\\u0032"]}';
    expect(signIn(user)).toMatchObject({ watched: ['u1', '5', '9007199254740993', 'u2'], isWatchlistCut: false });
  });
});

describe('[PW §7, row 43] whatever a client sends', () => {
  test('[PW-081] pings need no data', () => {
    for (const message of [
      '{"event":"pusher:ping"}',
      '{"event":"pusher:ping","data":{}}',
      '{"event":"pusher:ping","data":7}',
    ]) {
      expect(told(receive(message))).toEqual([{ event: 'pusher:pong', data: {} }]);
    }
    expect(receive('{"event":"pusher:pong"}')).toBeUndefined();
  });

  test('data may be a string that holds the object', () => {
    const data = JSON.stringify({ channel: 'orders' });
    expect(receive({ event: 'pusher:subscribe', data })).toMatchObject({ kind: 'join', group: 'orders' });
  });

  test.each([
    '',
    'x',
    '7',
    'null',
    '[]',
    '[{"event":"pusher:ping"}]',
    '{}',
    '{"event":7}',
    '{"event":"pusher:subscribe"}',
    '{"event":"pusher:subscribe","data":null}',
    '{"event":"pusher:subscribe","data":{"channel":7}}',
    '{"event":"pusher:unsubscribe","data":"x"}',
    '{"event":"unknown"}',
    `{"event":"${'x'.repeat(1_000)}"}`,
    '['.repeat(100_000) + ']'.repeat(100_000),
  ])('%.60s: an error without a code', message => {
    const [error] = told(receive(message));
    expect(error).toEqual(errorOf(null));
    expect(error.data.message.length).toBeLessThan(400);
  });

  test('a binary message', () => {
    expect(told(dialogue.receive({ isBinary: true, bytes: Buffer.from('{"event":"pusher:ping"}') }))).toEqual([
      errorOf(null),
    ]);
  });

  test('any JSON: an act, an answer, or nothing', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('private-c', 'presence-c', 'cache-c', 'c', '{"user_id":1}'));
    const message = fc.record(
      {
        event: fc.oneof(
          fc.jsonValue(),
          fc.constantFrom('pusher:subscribe', 'pusher:unsubscribe', 'pusher:signin', 'pusher:ping', 'client-x'),
        ),
        channel: field,
        data: fc.oneof(
          field,
          fc.record({ channel: field, auth: field, channel_data: field, user_data: field }, { requiredKeys: [] }),
        ),
      },
      { requiredKeys: [] },
    );
    app.isSigned = () => true;
    fc.assert(
      fc.property(message, given => {
        const step = new PusherDialogue(app, socketId).receive(textFrame(JSON.stringify(given)));
        expect(step).not.toBeInstanceOf(Error);
        expect([undefined, 'say', 'join', 'leave', 'publish', 'signIn']).toContain(step?.kind);
      }),
      { numRuns: 1_000 },
    );
  });
});
