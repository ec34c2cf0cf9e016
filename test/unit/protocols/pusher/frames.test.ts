import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataMessage, DataType } from '../../../../src/protocols/messages.js';
import * as frames from '../../../../src/protocols/pusher/frames.js';
import { pusherProtocols } from '../../../../src/protocols/pusher/index.js';

const { current, older } = pusherProtocols({ activityTimeoutMs: 120_000, pongTimeoutMs: 30_000 });

function textOf(frame: { readonly bytes: Buffer } | undefined): string | undefined {
  return frame?.bytes.toString('utf8');
}

function event(text: string, more: Partial<DataMessage & { kind: 'groupMessage' }> = {}, dataType: DataType = 'text') {
  const payload = { dataType, bytes: Buffer.from(text), metadata: undefined };
  const message = { kind: 'groupMessage', group: 'c', fromUserId: undefined, payload, stream: undefined } as const;
  return textOf(current.encoder.encode({ ...message, event: 'e', ...more }));
}

describe('[PW §3.3] what clients are sent', () => {
  test('[PW-066] the first frame', () => {
    const connected = { connectionId: '8181.30117', userId: undefined, reconnectionToken: undefined };
    expect(textOf(current.encoder.encode({ kind: 'connected', ...connected }))).toBe(
      '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"8181.30117\\",\\"activity_timeout\\":120}"}',
    );
  });

  test('an activity timeout is never 0, which clients take for none', () => {
    const { encoder } = pusherProtocols({ activityTimeoutMs: 100, pongTimeoutMs: 1 }).current;
    const connected = { connectionId: '1.1', userId: undefined, reconnectionToken: undefined };
    expect(textOf(encoder.encode({ kind: 'connected', ...connected }))).toContain('\\"activity_timeout\\":1}');
  });

  test.each<[string, string | undefined, string]>([
    ['text', event('{"n":1}'), '{"event":"e","channel":"c","data":"{\\"n\\":1}"}'],
    [
      'JSON, as the string of its text',
      event(' {"n":1.0} ', {}, 'json'),
      '{"event":"e","channel":"c","data":"{\\"n\\":1.0}"}',
    ],
    ['a JSON string, as it is', event('"a\\u00e9"', {}, 'json'), '{"event":"e","channel":"c","data":"a\\u00e9"}'],
    ['null', event('null', {}, 'json'), '{"event":"e","channel":"c","data":"null"}'],
    ['without a name', event('x', { event: undefined }), '{"event":"message","channel":"c","data":"x"}'],
    [
      'of a member',
      event('x', { group: 'presence-c', fromUserId: '7' }),
      '{"event":"e","channel":"presence-c","data":"x","user_id":"7"}',
    ],
    [
      'of a user who is no member',
      event('x', { group: 'private-c', fromUserId: '7' }),
      '{"event":"e","channel":"private-c","data":"x"}',
    ],
  ])('an event: %s', (_title, text, expected) => {
    expect(text).toBe(expected);
  });

  test('what the protocol cannot express', () => {
    expect(event('x', {}, 'binary')).toBeUndefined();
    expect(event('x', {}, 'protobuf')).toBeUndefined();
    expect(event('', { stream: { streamId: 's', sequenceId: 1n, isEnd: true, error: undefined } })).toBeUndefined();
    const payload = { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined } as const;
    expect(current.encoder.encode({ kind: 'serverMessage', payload })).toBeUndefined();
  });

  test('the members of a presence channel: ids and keys are strings, info as it was given', () => {
    const members = [
      { id: '7', about: { idJson: '7', infoJson: '{"name":"ann"}' } },
      { id: '__proto__', about: { idJson: '"__proto__"', infoJson: '{}' } },
    ];
    const frame = JSON.parse(textOf(frames.subscriptionSucceeded('presence-c', members))!);
    expect(frame).toMatchObject({ event: 'pusher_internal:subscription_succeeded', channel: 'presence-c' });
    expect(frame.data).toBe(
      '{"presence":{"ids":["7","__proto__"],"hash":{"7":{"name":"ann"},"__proto__":{}},"count":2}}',
    );
    expect(textOf(frames.memberAdded('presence-c', members[0]!))).toBe(
      '{"event":"pusher_internal:member_added","channel":"presence-c","data":"{\\"user_id\\":7,\\"user_info\\":{\\"name\\":\\"ann\\"}}"}',
    );
    expect(textOf(frames.memberRemoved('presence-c', members[0]!))).toBe(
      '{"event":"pusher_internal:member_removed","channel":"presence-c","data":"{\\"user_id\\":7}"}',
    );
  });

  test('[PW §7, row 23] numbers of a member keep their digits', () => {
    const member = { id: '9007199254740993', about: { idJson: '9007199254740993', infoJson: '{"n":1.0}' } };
    expect(JSON.parse(textOf(frames.subscriptionSucceeded('presence-c', [member]))!).data).toBe(
      '{"presence":{"ids":["9007199254740993"],"hash":{"9007199254740993":{"n":1.0}},"count":1}}',
    );
    expect(JSON.parse(textOf(frames.memberAdded('presence-c', member))!).data).toBe(
      '{"user_id":9007199254740993,"user_info":{"n":1.0}}',
    );
    expect(JSON.parse(textOf(frames.memberRemoved('presence-c', member))!).data).toBe('{"user_id":9007199254740993}');
  });

  test.each<[string | undefined, string]>([
    [
      textOf(frames.subscriptionSucceeded('c', undefined)),
      '{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}',
    ],
    [textOf(frames.cacheMiss('cache-c')), '{"event":"pusher:cache_miss","channel":"cache-c","data":"{}"}'],
    [
      textOf(frames.subscriptionCount('c', 3)),
      '{"event":"pusher_internal:subscription_count","channel":"c","data":"{\\"subscription_count\\":3}"}',
    ],
    [
      textOf(frames.subscriptionError('c', 'AuthError', 'no', 401)),
      '{"event":"pusher:subscription_error","channel":"c","data":{"type":"AuthError","error":"no","status":401}}',
    ],
    [textOf(frames.pusherError(null, 'a"b')), '{"event":"pusher:error","data":{"code":null,"message":"a\\"b"}}'],
    [
      textOf(frames.signinSuccess('{"id":"a"}')),
      '{"event":"pusher:signin_success","data":{"user_data":"{\\"id\\":\\"a\\"}"}}',
    ],
    [
      textOf(frames.watchlistEvents(['a'], ['b', 'c'])),
      '{"event":"pusher_internal:watchlist_events","data":{"events":[{"name":"online","user_ids":["a"]},{"name":"offline","user_ids":["b","c"]}]}}',
    ],
    [textOf(frames.watchlistEvents([], [])), '{"event":"pusher_internal:watchlist_events","data":{"events":[]}}'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  test('[PW §7, row 39] only old clients are told of an end in a message', () => {
    const end = { kind: 'disconnected', reason: 'stop', code: 4200 } as const;
    expect(current.encoder.encode(end)).toBeUndefined();
    expect(textOf(older.encoder.encode(end))).toBe('{"event":"pusher:error","data":{"code":4200,"message":"stop"}}');
  });
});

test('[PW-087] no close code is 43xx', () => {
  for (const { closeCodes } of [current, older]) {
    for (const code of Object.values(closeCodes)) expect(code >= 4000 && code < 4300).toBe(true);
  }
});

test('every frame is JSON, and data is a string that holds the given one', () => {
  const anyText = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(anyText, anyText, anyText, fc.constantFrom<DataType>('text', 'json'), (name, group, data, dataType) => {
      const given = dataType === 'json' ? JSON.stringify(data) : data;
      const frame = JSON.parse(event(given, { event: name, group: `presence-${group}`, fromUserId: data }, dataType)!);
      expect(frame).toEqual({ event: name, channel: `presence-${group}`, data, user_id: data });
    }),
  );
});
