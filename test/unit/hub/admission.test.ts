import { beforeEach, describe, expect, test } from 'vitest';
import { ConnectRefused, PubSubError } from '../../../src/errors.js';
import { admit, type Candidate } from '../../../src/hub/admission.js';
import type { ConnectReply } from '../../../src/hub/ports.js';
import { findProtocol } from '../../../src/protocols/index.js';
import { json } from '../../../src/protocols/webpubsub/json/index.js';
import { simpleEvents, simplePublisher } from '../../../src/protocols/webpubsub/simple.js';
import { ScriptedUpstream } from '../../support/fake-ports.js';

const name = 'json.webpubsub.azure.v1';

let upstream: ScriptedUpstream;

beforeEach(() => {
  upstream = new ScriptedUpstream();
});

const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  userId: 'ann',
  claims: {},
  query: {},
  headers: {},
  subprotocols: [],
  clientCertificates: [],
  roles: ['r'],
  groups: ['g'],
  protocol: simpleEvents,
  protocolOf: findProtocol,
  ...more,
});

/** Who comes in when the upstream answers this; undefined: no handler. */
function admitted(reply: Partial<ConnectReply> | undefined, more: Partial<Candidate> = {}) {
  const silent: ConnectReply = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };
  upstream.connectAnswer = () => reply && Promise.resolve({ ...silent, ...reply });
  return admit('chat', candidate(more), upstream);
}

describe('[client-protocols 1.2] the subprotocol', () => {
  test.each<[string, readonly string[], string | undefined, string | undefined, 'json' | 'simple']>([
    ['none offered', [], undefined, undefined, 'simple'],
    ['[CP-020] only unknown ones offered', ['custom.x', 'mqtt'], undefined, undefined, 'simple'],
    ['[CP-022] a known one behind an unknown one', ['foo', name], undefined, name, 'json'],
    [
      '[CP-023] in another letter case: echoed as offered',
      ['JSON.WebPubSub.Azure.V1'],
      undefined,
      'JSON.WebPubSub.Azure.V1',
      'json',
    ],
    ['the first known one of several', ['JSON.webpubsub.azure.v1', name], undefined, 'JSON.webpubsub.azure.v1', 'json'],
    ['[CP-021] the upstream selects a custom one', ['custom.x', name], 'custom.x', 'custom.x', 'simple'],
    ['the upstream selects the known one', ['custom.x', name], name, name, 'json'],
    ['the upstream selects in another letter case', ['custom.X', name], 'Custom.x', 'custom.X', 'simple'],
  ])('%s', async (_title, subprotocols, selected, echoed, protocol) => {
    const admission = await admitted(selected === undefined ? undefined : { subprotocol: selected }, { subprotocols });
    expect(admission.subprotocol).toBe(echoed);
    expect(admission.protocol).toBe(protocol === 'json' ? json : simpleEvents);
  });

  test('a reply that selects none is as no handler', async () => {
    expect((await admitted({}, { subprotocols: ['foo', name] })).subprotocol).toBe(name);
  });

  test.each([[[]], [[name]], [['other']]])(
    'one that was not offered (%j) is the upstream’s failure',
    async subprotocols => {
      await expect(admitted({ subprotocol: 'custom.x' }, { subprotocols })).rejects.toMatchObject({
        kind: 'eventFailed',
      });
    },
  );

  test('a simple client speaks what its URL asked for', async () => {
    const protocol = simplePublisher('g', false);
    expect((await admitted(undefined, { protocol })).protocol).toBe(protocol);
    const custom = { protocol, subprotocols: ['custom.x'] };
    expect((await admitted({ subprotocol: 'custom.x' }, custom)).protocol).toBe(protocol);
    expect((await admitted(undefined, { protocol, subprotocols: [name] })).protocol).toBe(json);
  });
});

describe('[client-protocols 1.5] who it is and what it may', () => {
  test('without a handler, what the token says', async () => {
    expect(await admitted(undefined)).toMatchObject({ userId: 'ann', roles: ['r'], groups: ['g'] });
  });

  test('a reply that says nothing keeps it', async () => {
    expect(await admitted({})).toMatchObject({ userId: 'ann', roles: ['r'], groups: ['g'] });
  });

  test('[CP-019] roles are replaced, by none too; groups by some only; the user always', async () => {
    expect(await admitted({ roles: [], groups: [] })).toMatchObject({ roles: [], groups: ['g'] });
    expect(await admitted({ roles: ['x'], groups: ['y'] })).toMatchObject({ roles: ['x'], groups: ['y'] });
    expect((await admitted({ userId: 'bob' })).userId).toBe('bob');
    expect((await admitted({ userId: '' })).userId).toBe('');
  });

  test('a client without a user stays without, or is given one', async () => {
    expect((await admitted(undefined, { userId: undefined })).userId).toBeUndefined();
    expect((await admitted(undefined, { userId: '' })).userId).toBe('');
    expect((await admitted({ userId: 'bob' }, { userId: undefined })).userId).toBe('bob');
  });
});

describe('the upstream', () => {
  test('sees the candidate, under the connection id and hub that it will hear from later', async () => {
    const asking = candidate({ subprotocols: [name] });
    const admission = await admit('chat', asking, upstream);
    const [session] = upstream.sessions;
    expect(session).toMatchObject({ hub: 'chat', connectionId: admission.connectionId });
    expect(admission.upstream).toBe(session);
    expect(session?.calls).toEqual([{ call: 'connect', request: asking }]);
  });

  test.each([new ConnectRefused(403, undefined, undefined), new PubSubError('eventFailed', 'no answer')])(
    '[CP-017] [CP-018] a refusal or failure is passed on, and nothing more is told',
    async error => {
      upstream.connectAnswer = () => Promise.reject(error);
      await expect(admit('chat', candidate(), upstream)).rejects.toBe(error);
      expect(upstream.sessions[0]?.history).toEqual(['connect']);
    },
  );
});

test('[rest-api 2.0] connection ids are 31 characters of [A-Za-z0-9_-], each new', async () => {
  const ids = new Set<string>();
  for (let count = 0; count < 1_000; count += 1) ids.add((await admitted(undefined)).connectionId);
  expect(ids.size).toBe(1_000);
  expect([...ids].filter(id => !/^[A-Za-z0-9_-]{31}$/.test(id))).toEqual([]);
});

test('an id that the client brings is the connection’s, for its events too', async () => {
  expect(await admitted(undefined, { connectionId: 'sensor-1' })).toMatchObject({ connectionId: 'sensor-1' });
  expect(upstream.sessions[0]?.connectionId).toBe('sensor-1');
});
