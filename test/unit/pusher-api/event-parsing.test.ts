import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limitsOf } from '../../../src/pusher-api/apps.js';
import { parseBatch, parseEvent } from '../../../src/pusher-api/event-parsing.js';
import { checkSignature } from '../../../src/pusher-api/request-signature.js';
import { signedTarget, testApp } from '../../support/pusher-requests.js';

const defaultLimits = limitsOf({ id: testApp.id, keys: [], enabled: true });

function signedQuery(query: readonly (readonly [string, string])[]) {
  const target = signedTarget({ method: 'POST', path: '/apps/42/events', query });
  const keys = [{ key: testApp.key, secret: testApp.secret, active: true }];
  return checkSignature({ method: 'POST', target }, { keys, nowMs: Date.now(), basePaths: [] });
}

function parse(fields: unknown, limits = defaultLimits) {
  return parseText(JSON.stringify(fields), limits);
}

function parseText(text: string, limits = defaultLimits) {
  return parseEvent(Buffer.from(text), signedQuery([]), limits);
}

const event = { name: 'tick', channels: ['orders-7'], data: 'x' };

describe('an event', () => {
  test('has a name, channels and data', () => {
    const parsed = parse({ ...event, socket_id: '8181.30117', info: 'user_count' });
    expect(parsed).toEqual({
      name: 'tick',
      channels: ['orders-7'],
      data: Buffer.from('x'),
      exceptSocketId: '8181.30117',
      attributes: new Set(['user_count']),
    });
  });

  test('names one channel in channel, or each of several once', () => {
    expect(parse({ ...event, channels: undefined, channel: 'a' }).channels).toEqual(['a']);
    expect(parse({ ...event, channels: ['b', 'a', 'b'] }).channels).toEqual(['b', 'a']);
  });

  test('may stand in the query, and partly there', () => {
    const query = signedQuery([
      ['name', 'of-query'],
      ['channels[]', 'b'],
      ['channels[]', 'a'],
      ['data', 'd'],
      ['socket_id', '1.2'],
      ['info', 'subscription_count'],
    ]);
    expect(parseEvent(Buffer.alloc(0), query, defaultLimits)).toMatchObject({
      name: 'of-query',
      channels: ['b', 'a'],
      data: Buffer.from('d'),
      exceptSocketId: '1.2',
    });
    expect(parseEvent(Buffer.from('{"name":"of-body"}'), query, defaultLimits)).toMatchObject({
      name: 'of-body',
      channels: ['b', 'a'],
    });
  });

  test.each([
    ['{"n":1}', '{"n":1}'],
    ['"text"', 'text'],
    ['"\\u00e9\\n"', 'é\n'],
    ['""', ''],
    ['null', 'null'],
    ['false', 'false'],
    ['12345678901234567890', '12345678901234567890'],
    ['1.0', '1.0'],
    ['[1, {"b":2,"a":1}]', '[1, {"b":2,"a":1}]'],
    [`${'['.repeat(5_000)}${']'.repeat(5_000)}`, `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  ])('with data %.40s delivers its text', (written, delivered) => {
    const { data } = parseText(`{"data": 1, "name":"n","channel":"c","da\\u0074a" : ${written} }`);
    expect(data.toString()).toBe(delivered);
  });

  test('may have an empty socket id, or none', () => {
    for (const socket_id of ['', null, undefined])
      expect(parse({ ...event, socket_id }).exceptSocketId).toBeUndefined();
  });

  test.each(['x', '1', '1.', '.1', '1.2.3', '-1.2', '1.2\n', 12, {}])('is refused with socket id %j', socket_id => {
    expect(() => parse({ ...event, socket_id })).toThrow('socket_id');
  });

  test.each([
    [{ ...event, name: undefined }, 'name is missing'],
    [{ ...event, name: null }, 'name is missing'],
    [{ ...event, name: 1 }, 'name is missing'],
    [{ ...event, name: '' }, 'name must have'],
    [{ ...event, name: 'n'.repeat(201) }, 'name must have'],
    [{ ...event, name: 'a\u0000b' }, 'name must have'],
    [{ ...event, name: 'pusher:x' }, 'pusher:'],
    [{ ...event, name: 'pusher_internal:x' }, 'pusher_internal:'],
    [{ ...event, data: undefined }, 'data is missing'],
    [{ ...event, channels: undefined }, 'channel is missing'],
    [{ ...event, channels: [] }, 'channels is empty'],
    [{ ...event, channels: [1] }, 'channel is missing'],
    [{ ...event, channels: ['a', 'b c'] }, "channel's name"],
    [{ ...event, channels: ['a/b'] }, "channel's name"],
    [{ ...event, channels: [''] }, "channel's name"],
    [{ ...event, channels: ['c'.repeat(201)] }, "channel's name"],
    [{ ...event, channels: ['#other'] }, "channel's name"],
    [{ ...event, channels: Array.from({ length: 101 }, (_, index) => `c${index}`) }, '101 names; at most 100'],
    [{ ...event, info: 'cache' }, 'info'],
    [{ ...event, info: 'user_count,nonsense' }, 'info'],
    [{ ...event, info: ['user_count'] }, 'info'],
    [[], 'JSON object'],
    ['x', 'JSON object'],
    [null, 'JSON object'],
  ])('is refused: %.80j', (fields, reason) => {
    expect(() => parse(fields)).toThrow(reason);
    expect(() => parse(fields)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  test.each(['', '{', '{"name"}', '\u0000'])('is refused as text %j', text => {
    expect(() => parseText(text)).toThrow();
  });

  test('is refused when it is not UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(() => parseEvent(body, signedQuery([]), defaultLimits)).toThrow('UTF-8');
  });

  test.each(['client-x', 'App\\Events\\Created', 'a b', 'n'.repeat(200), '日本'])('may be called %.20s', name => {
    expect(parse({ ...event, name }).name).toBe(name);
  });

  test.each(['#server-to-user-u-19', 'presence-a', 'c'.repeat(200), 'a_-=@,.;Z9'])('may go to %.20s', channel => {
    expect(parse({ ...event, channels: [channel] }).channels).toEqual([channel]);
  });
});

describe('limits', () => {
  test('of data count bytes of what is delivered', () => {
    expect(parse({ ...event, data: 'x'.repeat(10_240) }).data).toHaveLength(10_240);
    expect(parse({ ...event, data: '"'.repeat(10_240) }).data).toHaveLength(10_240);
    for (const data of ['x'.repeat(10_241), 'é'.repeat(5_121), { a: 'x'.repeat(10_233) }]) {
      expect(() => parse({ ...event, data })).toThrow(expect.objectContaining({ kind: 'tooLarge' }));
    }
    expect(() => parse({ ...event, data: 'x'.repeat(10_241) })).toThrow('data has 10241 bytes; at most 10240');
  });

  test('are those of the app', () => {
    const limits = {
      maxEventBytes: 2,
      maxEventNameLength: 4,
      maxChannelNameLength: 3,
      maxChannelsPerEvent: 1,
      maxEventsPerBatch: 1,
    };
    const few = { ...defaultLimits, ...limits };
    expect(parse({ name: 'tick', channel: 'abc', data: 'xx' }, few).name).toBe('tick');
    expect(() => parse({ name: 'ticks', channel: 'abc', data: 'xx' }, few)).toThrow('1 to 4 characters');
    expect(parse({ name: '😀😀😀😀', channel: 'abc', data: 'xx' }, few).name).toBe('😀😀😀😀');
    expect(() => parse({ name: 'tick', channel: 'abcd', data: 'xx' }, few)).toThrow('1 to 3 letters');
    expect(() => parse({ name: 'tick', channel: 'abc', data: 'xxx' }, few)).toThrow('at most 2');
    expect(() => parse({ name: 'tick', channels: ['a', 'b'], data: '' }, few)).toThrow('at most 1');
    const batch = [1, 2].map(() => ({ name: 'tick', channel: 'a', data: '' }));
    expect(() => parseBatch(Buffer.from(JSON.stringify({ batch })), few)).toThrow('2 events; at most 1');
  });
});

describe('a batch', () => {
  const parseEvents = (batch: unknown) => parseBatch(Buffer.from(JSON.stringify({ batch })), defaultLimits);
  const one = { name: 'tick', channel: 'a', data: { n: 1 } };

  test('has up to ten events in order', () => {
    const events = parseEvents(Array.from({ length: 10 }, (_, index) => ({ ...one, channel: `c${index}` })));
    expect(events.map(({ channels }) => channels[0])).toEqual(Array.from({ length: 10 }, (_, index) => `c${index}`));
    expect(events.every(({ data }) => data.toString() === '{"n":1}')).toBe(true);
    expect(parseEvents([])).toEqual([]);
  });

  test.each([
    [Array(11).fill(one), '11 events; at most 10'],
    [{}, 'batch must be an array'],
    [undefined, 'batch must be an array'],
    [[one, 1], 'batch[1]'],
    [[one, { ...one, channel: undefined }], 'batch[1]: The channel is missing: channel with its name.'],
    [[one, { ...one, channel: undefined, channels: ['a'] }], 'an event of a batch has one, named by channel;'],
    [[one, { ...one, channel: ['a'] }], 'batch[1]: The channel is missing: channel with its name.'],
    [[one, one, { ...one, data: 'x'.repeat(10_241) }], 'batch[2]: data has'],
  ])('is refused as a whole: %.60j', (batch, reason) => {
    expect(() => parseEvents(batch)).toThrow(reason);
  });
});

test('data of any JSON arrives as the value that was written', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.nat(3), (data, other, spaces) => {
      const text = JSON.stringify({ other: [other, { data: other }], name: 'n', data, channel: 'c' }, null, spaces);
      const parsed = parseText(text, { ...defaultLimits, maxEventBytes: 1_000_000 }).data.toString();
      expect(typeof data === 'string' ? parsed : JSON.parse(parsed)).toEqual(
        typeof data === 'string' ? data : JSON.parse(JSON.stringify(data)),
      );
      const batch = JSON.stringify({
        batch: [
          { name: 'n', channel: 'c', data: other },
          { data, channel: 'c', name: 'n' },
        ],
      });
      const [, second] = parseBatch(Buffer.from(batch), { ...defaultLimits, maxEventBytes: 1_000_000 });
      expect(typeof data === 'string' ? second?.data.toString() : JSON.parse(second?.data.toString() ?? '')).toEqual(
        typeof data === 'string' ? data : JSON.parse(JSON.stringify(data)),
      );
    }),
  );
});
