import { CloudEvent, HTTP } from 'cloudevents';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConnectionFacts, ConnectionHeaders, type EventFacts } from '../../../src/upstream/event-headers.js';

const connection: ConnectionFacts = {
  hub: 'Chat',
  connectionId: 'c1',
  userId: 'nora',
  subprotocol: 'json.webpubsub.azure.v1',
  signature: 'sha256=00',
  origin: 'a.example,b.example',
};

const event: EventFacts = {
  kind: 'user',
  name: 'Vote.cast',
  id: 7,
  time: '2030-05-06T07:08:09Z',
  requestId: '5b0c8f0e-6f55-4a57-9a0e-3f1f2f9d2c11',
  contentType: 'application/json',
  state: undefined,
  cookies: undefined,
  metadata: undefined,
};

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2]!, flat[index * 2 + 1]!]);
}

function headers(c: Partial<ConnectionFacts> = {}, e: Partial<EventFacts> = {}): Record<string, string> {
  return Object.fromEntries(pairs(new ConnectionHeaders({ ...connection, ...c }).forEvent({ ...event, ...e })));
}

test.each([
  ['connected', 'azure.webpubsub.sys.connected'],
  ['joined', 'azure.webpubsub.gp.joined'],
  ['left', 'azure.webpubsub.gp.left'],
] as const)('[upstream-events 1.1] the type of %s', (kind, type) => {
  expect(headers({}, { kind, name: kind })).toMatchObject({ 'ce-type': type, 'ce-eventName': kind });
});

test('[upstream-events 2.2] every header of a user event, in the wire’s spelling and order', () => {
  const flat = new ConnectionHeaders(connection).forEvent({
    ...event,
    state: 'c3RlcD0x',
    cookies: 'a=1',
    metadata: new Map([['Foo', 'bar']]),
  });
  expect(pairs(flat)).toEqual([
    ['ce-specversion', '1.0'],
    ['ce-awpsversion', '1.0'],
    ['ce-type', 'azure.webpubsub.user.Vote.cast'],
    ['ce-source', '/hubs/Chat/client/c1'],
    ['ce-id', '7'],
    ['ce-time', '2030-05-06T07:08:09Z'],
    ['ce-signature', 'sha256=00'],
    ['ce-userId', 'nora'],
    ['ce-connectionId', 'c1'],
    ['ce-hub', 'Chat'],
    ['ce-eventName', 'Vote.cast'],
    ['ce-subprotocol', 'json.webpubsub.azure.v1'],
    ['Content-Type', 'application/json'],
    ['WebHook-Request-Origin', 'a.example,b.example'],
    ['ce-connectionState', 'c3RlcD0x'],
    ['Cookie', 'a=1'],
    ['x-ms-client-request-id', '5b0c8f0e-6f55-4a57-9a0e-3f1f2f9d2c11'],
    ['X-WebPubSub-Metadata-foo', 'bar'],
  ]);
});

test.each([
  ['connect', 'azure.webpubsub.sys.connect'],
  ['connected', 'azure.webpubsub.sys.connected'],
  ['disconnected', 'azure.webpubsub.sys.disconnected'],
] as const)('[upstream-events 1.1] %s has ce-type %s', (kind, type) => {
  expect(headers({}, { kind, name: kind })).toMatchObject({ 'ce-type': type, 'ce-eventName': kind });
});

test('[UE-103] a user event called connected keeps the user prefix', () => {
  expect(headers({}, { name: 'connected' })['ce-type']).toBe('azure.webpubsub.user.connected');
});

test.each([undefined, ''])('[UE-013] an anonymous user (%j) has no ce-userId', userId => {
  expect(headers({ userId })).not.toHaveProperty('ce-userId');
});

test('[UE-014] ce-userId is raw UTF-8', () => {
  const sent = headers({ userId: 'é日' })['ce-userId']!;
  expect(Buffer.from(sent, 'latin1').toString('utf8')).toBe('é日');
});

test('[UE-016] no ce-subprotocol without one', () => {
  expect(headers({ subprotocol: undefined })).not.toHaveProperty('ce-subprotocol');
});

test('[UE-074] no ce-connectionState until one is set; an empty one is sent', () => {
  expect(headers()).not.toHaveProperty('ce-connectionState');
  expect(headers({}, { state: '' })['ce-connectionState']).toBe('');
});

test('[upstream-events 5.4] a hub name with characters outside URI references is sent as it is', () => {
  expect(headers({ hub: 'a`[b],c' })['ce-source']).toBe('/hubs/a`[b],c/client/c1');
});

describe('[upstream-events 2.2] what a header cannot carry fails the event', () => {
  test.each(['a\r\nb', 'a\0b', 'é', '\u007f'])('state %j', state => {
    expect(() => headers({}, { state })).toThrow(expect.objectContaining({ kind: 'eventFailed' }));
  });
  test.each(['a\r\nb', 'a\nX-Evil: 1', '\0'])('user id %j', userId => {
    expect(() => headers({ userId })).toThrow(expect.objectContaining({ kind: 'eventFailed' }));
  });
  test('metadata', () => {
    const metadata = new Map([['k', '日']]);
    expect(() => headers({}, { metadata })).toThrow(expect.objectContaining({ kind: 'eventFailed' }));
  });
  test('[F6] a tab within metadata is carried, as everywhere else', () => {
    expect(headers({}, { metadata: new Map([['k', 'a\tb']]) })['X-WebPubSub-Metadata-k']).toBe('a\tb');
  });
  test('the value itself is not in the message', () => {
    expect(() => headers({}, { state: 'sécret' })).toThrow(/^(?!.*sécret).*ce-connectionState/);
  });
});

test('one event leaves no trace in the next', () => {
  const template = new ConnectionHeaders(connection);
  template.forEvent({ ...event, state: 's', cookies: 'a=1', metadata: new Map([['k', 'v']]) });
  expect(template.forEvent(event)).toEqual(new ConnectionHeaders(connection).forEvent(event));
});

test.each([
  ['nora', 'json.webpubsub.azure.v1'],
  ['nora', undefined],
  [undefined, 'json.webpubsub.azure.v1'],
  [undefined, undefined],
])(
  '[CloudEvents HTTP 3.1] what is filled in is what the SDK writes: user %j, subprotocol %j',
  (userId, subprotocol) => {
    const attributes = {
      specversion: '1.0',
      type: 'azure.webpubsub.user.Vote.cast',
      source: '/hubs/Chat/client/c1',
      id: '7',
      time: event.time,
      datacontenttype: 'application/json',
      awpsversion: '1.0',
      signature: 'sha256=00',
      connectionid: 'c1',
      hub: 'Chat',
      eventname: 'Vote.cast',
      ...(userId === undefined ? {} : { userid: userId }),
      ...(subprotocol === undefined ? {} : { subprotocol }),
    };
    const { headers: written } = HTTP.binary(new CloudEvent(attributes));
    const { 'x-ms-client-request-id': _, 'WebHook-Request-Origin': __, ...sent } = headers({ userId, subprotocol });
    const lowerCase = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));
    expect(lowerCase).toEqual({ ...written, 'ce-time': event.time });
  },
);

const anyText = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));

test('[property] whatever the values, no value holds CR, LF or NUL, and the CloudEvents SDK reads the event back', () => {
  fc.assert(
    fc.property(anyText, anyText, (userId, state) => {
      let sent: Record<string, string>;
      try {
        sent = headers({ userId }, { state });
      } catch (error) {
        expect(error).toMatchObject({ kind: 'eventFailed' });
        return;
      }
      for (const value of Object.values(sent)) expect(value).not.toMatch(/[\r\n\0]/);
      const read = HTTP.toEvent({ headers: { ...sent }, body: undefined });
      expect(read).toBeInstanceOf(CloudEvent);
      expect(read).toMatchObject({ id: '7', type: 'azure.webpubsub.user.Vote.cast', source: '/hubs/Chat/client/c1' });
    }),
  );
});
