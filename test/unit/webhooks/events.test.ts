import { describe, expect, test } from 'vitest';
import { appEventTypes, eventTypesOf, hubEventTypes } from '../../../src/webhooks/event-types.js';
import { clientData, eventText, type WebhookEvent } from '../../../src/webhooks/events.js';

const atMs = 1790000000000;
const member = { channel: 'presence-a', userId: 'u-19', socketId: '1.2' };
const client = { name: 'client_event', atMs, event: 'client-x', data: '{"x":4}', socketId: '1.2' } as const;

test.each<[WebhookEvent, string]>([
  [{ name: 'channel_occupied', atMs, channel: 'a' }, '{"name":"channel_occupied","channel":"a"}'],
  [{ name: 'cache_miss', atMs, channel: 'a' }, '{"name":"cache_miss","channel":"a"}'],
  [{ name: 'member_added', atMs, ...member }, '{"name":"member_added","channel":"presence-a","user_id":"u-19"}'],
  [
    { ...client, channel: 'presence-a', userId: 'u-19' },
    '{"name":"client_event","channel":"presence-a","event":"client-x","data":"{\\"x\\":4}","socket_id":"1.2","user_id":"u-19"}',
  ],
  [
    { ...client, channel: 'private-a', userId: 'u-19' },
    '{"name":"client_event","channel":"private-a","event":"client-x","data":"{\\"x\\":4}","socket_id":"1.2"}',
  ],
  [
    { name: 'subscription_count', atMs, channel: 'a', count: 7 },
    '{"name":"subscription_count","channel":"a","subscription_count":7}',
  ],
  [
    { name: 'connection_established', atMs, socketId: '1.2', userId: undefined },
    `{"name":"connection_established","socket_id":"1.2","time_ms":${atMs}}`,
  ],
  [
    { name: 'connection_terminated', atMs, socketId: '1.2', userId: 'u', code: 4200, reason: 'bye', durationMs: 5 },
    `{"name":"connection_terminated","socket_id":"1.2","user_id":"u","code":4200,"reason":"bye","duration_ms":5,"time_ms":${atMs}}`,
  ],
  [{ name: 'group_occupied', atMs, group: 'g' }, '{"name":"group_occupied","group":"g"}'],
  [
    { name: 'disconnected', atMs, connectionId: 'c', userId: undefined, reason: '' },
    '{"name":"disconnected","connection_id":"c","reason":""}',
  ],
])('[PW-009] [PW-012] %j has exactly these keys', (event, text) => {
  expect(eventText(event, 'pusher')).toBe(text);
});

describe('[PW-010] extended events', () => {
  test('contain a time, of a new member also the socket and the data string', () => {
    const text = eventText({ name: 'member_added', atMs, ...member, userInfo: '{"n":1.0}' }, 'extended');
    expect(text).toBe(
      `{"name":"member_added","channel":"presence-a","user_id":"u-19","socket_id":"1.2","data":"{\\"user_id\\":\\"u-19\\",\\"user_info\\":{\\"n\\":1.0}}","time_ms":${atMs}}`,
    );
  });

  test('tell who sent a client event, also on private channels', () => {
    const text = eventText({ ...client, channel: 'private-a', userId: 'u' }, 'extended');
    expect(JSON.parse(text)).toMatchObject({ user_id: 'u', time_ms: atMs });
  });

  test('contain the time of a connection once', () => {
    const text = eventText({ name: 'connection_established', atMs, socketId: '1.2', userId: undefined }, 'extended');
    expect(text).toBe(`{"name":"connection_established","socket_id":"1.2","time_ms":${atMs}}`);
  });
});

test.each([
  ['text', 'text'],
  [{ x: 4 }, '{"x":4}'],
  [null, 'null'],
  [undefined, 'null'],
  [7, '7'],
])('[PW-011] client data %j becomes the string %j', (given, expected) => {
  expect(clientData(given)).toBe(expected);
});

describe('event types', () => {
  test('are matched exactly; * is all of them', () => {
    expect([...eventTypesOf(['member_added'], appEventTypes)]).toEqual(['member_added']);
    expect([...eventTypesOf(['*'], hubEventTypes)]).toEqual(hubEventTypes);
  });

  test.each([
    ['chanel_occupied', /did you mean channel_occupied\?/],
    ['Member_Added', /did you mean member_added\?/],
    ['group_state', /is not known: known are channel_occupied, .*\*/],
    ['x'.repeat(5000), /is not known/],
  ])('%s is refused', (name, message) => {
    expect(() => eventTypesOf([name], appEventTypes)).toThrow(message);
  });
});
