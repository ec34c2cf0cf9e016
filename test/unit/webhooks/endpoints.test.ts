import { describe, expect, test, vi } from 'vitest';
import { readEndpoints, takes, type WebhookEndpoint } from '../../../src/webhooks/endpoints.js';
import type { SourceEntry, WebhookEntry, WebhooksEntry } from '../../../src/webhooks/options.js';

const app = { kind: 'app', name: '42' } as const;
const hub = { kind: 'hub', name: 'Chat' } as const;
const url = 'https://app.example/hooks';

interface Given {
  readonly source?: typeof app | typeof hub;
  readonly owner?: SourceEntry;
  readonly general?: WebhooksEntry;
}

function read(entries: readonly Partial<WebhookEntry>[], { source = app, owner = {}, general = {} }: Given = {}) {
  const problems: string[] = [];
  const webhooks = entries.map(entry => ({ event_types: ['*'], ...entry }));
  const found = readEndpoints(source, { ...owner, webhooks }, general, (index, { message }) => {
    problems.push(`${index}: ${message}`);
  });
  return { endpoints: found.map(({ endpoint }) => endpoint), warnings: found.flatMap(one => one.warnings), problems };
}

function one(entry: Partial<WebhookEntry>, given: Given = {}): WebhookEndpoint {
  const { endpoints, problems } = read([entry], given);
  expect(problems).toEqual([]);
  return endpoints[0]!;
}

describe('an endpoint', () => {
  test('has the defaults of Pusher', () => {
    expect(one({ id: 'orders', url })).toMatchObject({
      id: 'app:42:orders',
      target: { kind: 'http', origin: 'https://app.example', path: '/hooks' },
      payloadProfile: 'pusher',
      batching: undefined,
      isEnabled: true,
      requestTimeoutMs: 10_000,
      signatureFormat: 'hex',
      queue: { enabled: true, profile: 'pusher', ordering: 'none' },
    });
  });

  test('of a hub is durable, and has events of hubs', () => {
    const endpoint = one({ url }, { source: hub });
    expect(endpoint.queue.profile).toBe('durable');
    expect(endpoint.types.has('group_occupied')).toBe(true);
    expect(endpoint.id).toMatch(/^hub:Chat:wh-[0-9a-f]{12}$/);
  });

  test('[PW-038] is another one with the same URL', () => {
    const { endpoints } = read([{ url }, { url }, { url: `${url}?x` }]);
    const [first, second, third] = endpoints.map(({ id }) => id);
    expect(second).toBe(`${first}-2`);
    expect(third).not.toContain(first);
  });

  test('keeps its id when something else of it changes', () => {
    expect(one({ url, event_types: ['cache_miss'], headers: { A: 'b' } }).id).toBe(one({ url }).id);
  });

  test('has the batching of its own before that of the app and of all', () => {
    const general = { batching: { enabled: true, duration: 100, size: 10 } };
    const owner = { batching: { size: 20 } };
    expect(one({ url }, { general }).batching).toEqual({ durationMs: 100, size: 10, maxBytes: 262_144 });
    expect(one({ url, batching: { duration: 5, max_bytes: 1e9 } }, { general, owner }).batching).toEqual({
      durationMs: 5,
      size: 20,
      maxBytes: 262_144,
    });
    expect(one({ url, batching: { enabled: false } }, { general }).batching).toBeUndefined();
  });

  test('[PW-007] does not send headers that the service sets; there is a warning for each', () => {
    const headers = { Authorization: 'Bearer x', 'X-Pusher-Signature': 'y', 'WebHook-Id': 'z', HOST: 'h' };
    const { endpoints, warnings } = read([{ id: 'a', url, headers }]);
    expect(endpoints[0]?.headers).toEqual(['Authorization', 'Bearer x']);
    expect(warnings).toEqual(
      ['X-Pusher-Signature', 'WebHook-Id', 'HOST'].map(
        name => `header ${name} of webhook a is not sent: the service sets it`,
      ),
    );
  });

  test.each<[WebhookEntry['retry'], unknown]>([
    [{ enabled: false }, { delaysMs: [] }],
    [{ max_attempts: 1 }, { delaysMs: [] }],
    [
      { max_attempts: 4, initial_backoff_ms: 100, max_backoff_ms: 200 },
      { delaysMs: [100, 200, 200], budgetMs: 300_000, maxAttempts: 4 },
    ],
    [
      { max_attempts: 9, max_elapsed_time_ms: 7_000 },
      { delaysMs: [1_000, 2_000, 4_000], budgetMs: 7_000, maxAttempts: 9 },
    ],
    [{ max_elapsed_time_ms: 500 }, { delaysMs: [] }],
    [{}, { delaysMs: [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000], budgetMs: 300_000 }],
  ])('with retry %j', (retry, profile) => {
    expect(one({ url, retry }).queue.profile).toEqual(profile);
  });

  test('has Lambda as its target, with the aliases of soketi [PW-044]', () => {
    expect(one({ lambda: { function_name: 'f', qualifier: 'PROD' } }).target).toMatchObject({
      kind: 'lambda',
      region: 'us-east-1',
      invocationType: 'Event',
      qualifier: 'PROD',
      payloadFormat: 'gateway',
    });
    const endpoint = 'http://localhost:1';
    const aliased = one({
      lambda_function: 'f',
      lambda: { region: 'eu-west-1', async: false, client_options: { endpoint } },
    });
    expect(aliased.target).toMatchObject({ functionName: 'f', invocationType: 'RequestResponse', endpoint });
  });
});

test.each<[Partial<WebhookEntry>, RegExp]>([
  [{}, /needs a target/],
  [{ url, lambda_function: 'f' }, /one target/],
  [{ url: '/hooks' }, /absolute http or https URL/],
  [{ url: 'ftp://a/' }, /absolute http or https URL/],
  [{ url: 'https://me:secret@a/' }, /no user name or password/],
  [{ url, id: 'a b' }, /1 to 64 letters/],
  [{ url, event_types: ['member_aded'] }, /did you mean member_added/],
  [{ url, filter: { channel_pattern: '[' } }, /no pattern of RE2/],
  [{ url, headers: { 'a b': 'x' } }, /header "a b" cannot be sent/],
  [{ url, headers: { a: 'x\r\nb: c' } }, /header "a" cannot be sent/],
  [{ url, signing_secret: 'x' }, /a signing secret is whsec_/],
  [{ url, signing_secrets: [{ secret: `whsec_${'A'.repeat(44)}`, expires_at: 'soon' }] }, /expires_at .* not soon/],
  [{ lambda: { function_name: 'f', async: true, invocation_type: 'DryRun' } }, /remove one of the two/],
])('%j is invalid', (entry, message) => {
  const { endpoints, problems } = read([{ url: 'https://good.example/' }, entry]);
  expect(endpoints).toHaveLength(1);
  expect(problems).toEqual([expect.stringMatching(message)]);
  expect(problems[0]).toMatch(/^1: /);
  expect(problems[0]).not.toContain('secret@');
});

test('two webhooks with one id are refused, and http where https_only is set', () => {
  expect(
    read([
      { id: 'a', url },
      { id: 'a', url },
    ]).problems,
  ).toEqual([expect.stringMatching(/^1: two webhooks have the id a/)]);
  expect(read([{ url: 'http://a.example/x?token=1' }], { general: { https_only: true } }).problems).toEqual([
    '0: the url of a webhook is https, since webhooks.https_only is set: http://a.example/x',
  ]);
});

test('groups have no channel type', () => {
  expect(read([{ url, filter: { channel_type: 'presence' } }], { source: hub }).problems).toEqual([
    expect.stringMatching(/no channel_type/),
  ]);
});

describe('an event is for an endpoint', () => {
  const occupied = (channel: string) => ({ name: 'channel_occupied', atMs: 0, channel }) as const;
  const opened = { name: 'connection_established', atMs: 0, socketId: '1.2', userId: undefined } as const;

  test('that is enabled, lists its type and passes its channel', () => {
    const endpoint = one({ url, event_types: ['channel_occupied'], filter: { channel_prefix: 'a' } });
    expect(takes(endpoint, occupied('a1'))).toBe(true);
    expect(takes(endpoint, occupied('b1'))).toBe(false);
    expect(takes(endpoint, { ...occupied('a1'), name: 'channel_vacated' })).toBe(false);
    expect(takes({ ...endpoint, isEnabled: false }, occupied('a1'))).toBe(false);
  });

  test('but none without a channel where there is a channel filter', () => {
    expect(takes(one({ url }), opened)).toBe(true);
    expect(takes(one({ url, filter: { channel_suffix: '' } }), opened)).toBe(false);
  });

  test('nor one of a user’s own channel, unless it is wanted', () => {
    expect(takes(one({ url }), occupied('#server-to-user-7'))).toBe(false);
    expect(takes(one({ url, emit_user_channels: true }), occupied('#server-to-user-7'))).toBe(true);
  });
});

test('ids are made for many endpoints with one URL without a search from the first', () => {
  const has = vi.spyOn(Set.prototype, 'has');
  const { endpoints } = read(Array.from({ length: 500 }, () => ({ url })));
  const calls = has.mock.calls.length;
  has.mockRestore();
  const ids = endpoints.map(({ id }) => id);
  expect([new Set(ids).size, ids[1], ids[499]]).toEqual([500, `${ids[0]}-2`, `${ids[0]}-500`]);
  expect(calls).toBeLessThan(20_000); // 125,000 with a search
});
