import { describe, expect, test } from 'vitest';
import { oldestActive } from '../../../src/auth/pusher-signatures.js';
import {
  type App,
  type Config,
  ConfigError,
  type Environment,
  parseConfig,
  weaknessOf,
} from '../../../src/config/load.js';
import type { NatsQueuePlace } from '../../../src/outbox/open-store.js';
import { Settings } from '../../../src/settings.js';
import { Sources } from '../../../src/webhooks/sources.js';

function parse(text: string, env: Environment = {}): Config {
  return parseConfig(text, { file: 'hubs.yaml', env });
}

/** The lines of the message that the text is refused with, without the file's name. */
function refusal(text: string, env: Environment = {}): readonly string[] {
  try {
    parse(text, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map(line => line.replace(/^hubs\.yaml:/, ''));
  }
  throw new Error('accepted');
}

function appOf(text: string, env: Environment = {}): App {
  const [app] = parse(text, env).apps.all();
  if (app === undefined) throw new Error('no app');
  return app;
}

/** A file with one app, whose further lines are given. The first of them is line 5. */
function withApp(...lines: readonly string[]): string {
  return ['apps:', '  - id: a1', '    key: k1', '    secret: s1', ...lines.map(line => `    ${line}`), ''].join('\n');
}

/** An app with one endpoint, whose lines are given. The first of them is line 6. */
function withEndpoint(...lines: readonly string[]): string {
  return withApp('webhooks:', ...lines.map((line, at) => `  ${at === 0 ? '- ' : '  '}${line}`));
}

const everything = 'event_types: ["*"]';
const url = 'url: https://app.example/hooks';
const signingSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('apps', () => {
  test('an app with a key has the defaults of the protocol', () => {
    const { apps } = parse(withApp());
    const app = apps.findById('a1');
    const key = { key: 'k1', secret: 's1', createdAtMs: undefined, active: true };
    expect(app).toEqual({
      id: 'a1',
      enabled: true,
      keys: [key],
      enableClientMessages: false,
      enableWatchlistEvents: true,
      enableSubscriptionCount: false,
      authorizationTimeoutMs: undefined,
      allowedOrigins: undefined,
      limits: {
        maxConnections: Number.POSITIVE_INFINITY,
        maxChannelsPerConnection: 10_000,
        maxClientEventsPerSecond: 10,
        maxBackendEventsPerSecond: Number.POSITIVE_INFINITY,
        maxMessagesPerDay: Number.POSITIVE_INFINITY,
        maxReadRequestsPerSecond: Number.POSITIVE_INFINITY,
        maxPresenceMembers: 100,
        maxPresenceMemberBytes: 1_024,
        maxChannelNameLength: 200,
        maxChannelsPerEvent: 100,
        maxEventNameLength: 200,
        maxEventBytes: 10_240,
        maxEventsPerBatch: 10,
      },
      webhooks: {},
    });
    expect(apps.findByKey('k1')).toBe(app);
    expect([apps.findById('k1'), apps.findByKey('a1'), apps.findByKey('__proto__')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('no app exists that the file does not name', () => {
    for (const text of ['hubs: {}', 'apps:\n', 'apps: []']) expect(parse(text).apps.all()).toEqual([]);
  });

  test('[PW §3.11] 0 and -1 mean no limit, and sizes are in KiB', () => {
    const { limits, authorizationTimeoutMs, allowedOrigins } = appOf(
      withApp(
        'max_connections: -1',
        'max_client_events_per_second: 0',
        'max_channels_per_connection: -1',
        'max_event_payload_in_kb: 0.5',
        'enable_user_authentication: true',
        'allowed_origins: https://a.example',
      ),
    );
    expect(limits).toMatchObject({
      maxConnections: Number.POSITIVE_INFINITY,
      maxClientEventsPerSecond: Number.POSITIVE_INFINITY,
      maxChannelsPerConnection: Number.POSITIVE_INFINITY,
      maxEventBytes: 512,
    });
    expect([authorizationTimeoutMs, allowedOrigins]).toEqual([30_000, ['https://a.example']]);
    expect(appOf(withApp('allowed_origins: ["*", "https://a.example"]')).allowedOrigins).toBeUndefined();
    const ports = ['http://a.example:443', 'https://a.example:80', 'a.example:443', 'https://a.example:8443'];
    expect(appOf(withApp(`allowed_origins: ${JSON.stringify(ports)}`)).allowedOrigins).toEqual(ports);
  });

  test.each([
    ['42', '42'],
    ['007', '007'],
    ['12345678901234567890', '12345678901234567890'],
    ['1e3', '1e3'],
    ['0x1F', '0x1F'],
    ['"9"', '9'],
  ])('an id, key or secret %s is the text %j', (written, text) => {
    const app = appOf(`apps: [{ id: ${written}, key: ${written}, secret: ${written} }]`);
    expect([app.id, app.keys[0]?.key, app.keys[0]?.secret]).toEqual([text, text, text]);
    expect(appOf(`apps: [{ "id": ${written}, "keys": [{ "key": ${written}, "secret": ${written} }] }]`).id).toBe(text);
  });

  test('a number that an alias or a merged mapping stands for is its text, too', () => {
    const text = 'apps:\n  - &a { id: &n 0012, key: *n, secret: s }\n  - { <<: *a, id: 0013, key: k }\n';
    expect(
      parse(text)
        .apps.all()
        .map(({ id, keys }) => [id, keys[0]?.key]),
    ).toEqual([
      ['0012', '0012'],
      ['0013', 'k'],
    ]);
  });

  test('[PW §1.5, row 37] the oldest active key signs; keys without a time are older than all others', () => {
    const keyed = (...keys: string[]) => oldestActive(appOf(`apps: [{ id: a, keys: [${keys.join(', ')}] }]`).keys)?.key;
    const old = '{ key: old, secret: s, created_at: "2020-01-01T00:00:00Z" }';
    const young = '{ key: young, secret: s, created_at: "2026-01-01T00:00:00+01:00" }';
    expect(keyed(young, old)).toBe('old');
    expect(keyed(young, old.replace('secret', 'active: false, secret'))).toBe('young');
    expect(keyed(young, old, '{ key: plain, secret: s }')).toBe('plain');
  });

  test('secrets come from the environment', () => {
    const secret = ['$', '{SECRET}'].join('');
    expect(appOf(`apps: [{ id: a, key: k, secret: "${secret}" }]`, { SECRET: '0123' }).keys[0]?.secret).toBe('0123');
    expect(refusal(`apps: [{ id: a, key: k, secret: "${secret}" }]`, { SECRET: '' })).toEqual([
      '1:33 apps[0].secret: must not be empty',
    ]);
  });
});

describe('what is wrong with apps', () => {
  test.each([
    [
      'apps: [{ key: k, secret: s }]',
      '1:8 apps[0].id: `id` is missing: add the id of the app, which is in the paths of the HTTP API',
    ],
    ['apps: [{ id: a, secret: s }]', '1:8 apps[0].key: `key` is missing: add it, or `keys` with a list of keys'],
    ['apps: [{ id: a, key: k }]', '1:8 apps[0].secret: `secret` is missing: add it, or `keys` with a list of keys'],
    ['apps: [{ id: a, keys: [] }]', '1:23 apps[0].keys: must have at least one item'],
    [
      'apps: [{ id: a, keys: [{ key: k, secret: s, active: false }] }]',
      '1:17 apps[0].keys: no key is active; activate one, or disable the app with `enabled: false`',
    ],
    [
      'apps: [{ id: a, key: k, keys: [{ key: l, secret: s }] }]',
      '1:17 apps[0].key: `key` and `keys` are both set; move it into `keys`',
    ],
    [
      'apps: [{ id: a, key: k, secret: s }, { id: a, key: l, secret: s }]',
      '1:44 apps[1].id: the same id as apps[0].id; ids are unique: change one',
    ],
    [
      'apps: [{ id: a, key: k, secret: s }, { id: b, keys: [{ key: k, secret: s }] }]',
      '1:61 apps[1].keys[0].key: the same key as apps[0].key; a key belongs to one app: change one',
    ],
    [
      'apps: [{ id: a/b, key: k, secret: s }]',
      '1:14 apps[0].id: must be 1 to 128 letters, digits and . _ ~ -, without spaces, and neither "." nor ".."',
    ],
    ...['.', '..'].map(id => [
      `apps: [{ id: ${id}, key: k, secret: s }]`,
      '1:14 apps[0].id: must be 1 to 128 letters, digits and . _ ~ -, without spaces, and neither "." nor ".."',
    ]),
    ['apps: [{ id: true, key: k, secret: s }]', '1:14 apps[0].id: must be a string'],
    [withApp('enabled: maybe'), '5:14 apps[0].enabled: must be `true` or `false`, without quotes'],
    [
      withApp('allowed_origins: [https://a.example/path]'),
      '5:23 apps[0].allowed_origins[0]: must be an origin, such as https://app.example or *.app.example, without a path',
    ],
    [withApp('allowed_origins: []'), '5:22 apps[0].allowed_origins: must have at least one item'],
    [
      withApp('allowed_origins: [any]'),
      '5:23 apps[0].allowed_origins[0]: is all origins in Sockudo; write "*", or leave the list out',
    ],
    ...['https://a.example:443', 'http://a.example:80'].map(origin => [
      withApp(`allowed_origins: ["${origin}"]`),
      '5:23 apps[0].allowed_origins[0]: has the port that browsers leave out, as it is the default; remove it',
    ]),
    [
      withApp('allowed_origins: [https://bücher.example]'),
      '5:23 apps[0].allowed_origins[0]: must have its host in ASCII, as browsers send it: xn--… for other letters',
    ],
    [withApp('max_connections: -2'), '5:22 apps[0].max_connections: must be a whole number of at least -1'],
    [
      withApp('max_channel_name_length: 300'),
      '5:30 apps[0].max_channel_name_length: must be a whole number from 1 to 200',
    ],
    [
      withApp('enableClientMessages: true'),
      '5:5 apps[0].enableClientMessages: unknown key `enableClientMessages`, did you mean `enable_client_messages`?',
    ],
    [
      withApp('strict_channel_length: 164'),
      '5:5 apps[0].strict_channel_length: `strict_channel_length` is called `max_channel_name_length` here; rename it',
    ],
    [
      withApp('idempotency: { enabled: true }'),
      '5:5 apps[0].idempotency: `idempotency` of Sockudo has no equal: an event that is published twice is sent twice; remove it',
    ],
    [
      withApp('enabled: true', 'max_connections: 5', 'policy: { limits: { max_connections: 6 } }'),
      '6:5 apps[0].max_connections: also set in apps[0].policy.limits.max_connections; remove one',
    ],
    [
      'apps: [{ id: a, keys: [{ key: k, secret: s, created_at: yesterday }] }]',
      '1:57 apps[0].keys[0].created_at: must be a date and time with its zone, such as 2026-11-28T12:00:00Z',
    ],
    ...['hooks.example', '10.1.0.0/16', '""'].map(address => [
      `webhooks: { local_address: ${address} }`,
      '1:28 webhooks.local_address: must be an IP address of this machine, such as 192.0.2.7 or 2001:db8::7',
    ]),
    [
      'app_manager: { array: { apps: [] } }',
      '1:1 app_manager: `app_manager` is a section of Sockudo and soketi; write its apps under `apps:`, or run: hubwire import sockudo FILE (or soketi)',
    ],
  ])('%s', (text, problem) => {
    expect(refusal(text)).toEqual([problem]);
  });

  test('no problem shows a value of the environment', () => {
    const secret = ['$', '{SECRET}'].join('');
    const twice = `apps: [{ id: a, key: "${secret}", secret: s }, { id: b, key: "${secret}", secret: s }]`;
    const pattern = withEndpoint(url, everything, `filter: { channel_pattern: "${secret}" }`);
    const network = `webhooks: { egress: { allow: ["${secret}"] } }`;
    for (const [text, value] of [
      [twice, 'hush-hush'],
      [pattern, '(hush-hush'],
      [network, 'hush-hush'],
      [`webhooks: { local_address: "${secret}" }`, 'hush-hush'],
    ] as const) {
      expect(refusal(text, { SECRET: value }).join('\n')).not.toContain('hush');
    }
  });
});

describe('webhooks', () => {
  test('an endpoint is handed on with the names of the file, and without what is left empty', () => {
    const { webhooks } = appOf(
      withEndpoint(
        url,
        'event_types: [Channel_Occupied]',
        'headers: { X-Version: 2, Authorization: Bearer b }',
        'filter: { channel_type: private, channel_prefix: }',
        'lambda:',
        'batching: { enabled: true, size: 5 }',
        `signing_secrets: [{ secret: ${signingSecret}, expires_at: 2030-01-01T00:00:00Z }]`,
      ),
    );
    expect(webhooks).toEqual({
      webhooks: [
        {
          url: 'https://app.example/hooks',
          event_types: ['channel_occupied'],
          headers: { 'X-Version': '2', Authorization: 'Bearer b' },
          filter: { channel_type: ['private'] },
          batching: { enabled: true, size: 5 },
          signing_secrets: [{ secret: signingSecret, expires_at: '2030-01-01T00:00:00Z' }],
        },
      ],
    });
  });

  test('[PW §2.6] a function, with the names of Sockudo and of soketi', () => {
    const lambda = '{ function_name: fn, region: eu-west-1, invocation_type: requestresponse, qualifier: 3 }';
    expect(appOf(withEndpoint(`lambda: ${lambda}`, everything)).webhooks.webhooks?.[0]?.lambda).toEqual({
      function_name: 'fn',
      region: 'eu-west-1',
      invocation_type: 'RequestResponse',
      qualifier: '3',
    });
    const soketi = withEndpoint(
      'lambda_function: fn',
      'lambda: { async: true, client_options: { endpoint: "http://l" } }',
      everything,
    );
    expect(appOf(soketi).webhooks.webhooks?.[0]?.lambda_function).toBe('fn');
  });

  test('of a hub, and what applies to all', () => {
    const config = parse(
      `hubs: { Chat: { webhooks: [{ ${url}, event_types: [group_occupied, user_connected], filter: { channel_prefix: room } }] } }
webhooks: { batching: { enabled: true, duration: 100 }, https_only: true, linger_ms: 0, local_address: "2001:db8::7", egress: { allow: [10.1.0.0/16, "fd00::/8"] } }
`,
    );
    expect(config.webhooks).toEqual({
      batching: { enabled: true, duration: 100 },
      https_only: true,
      linger_ms: 0,
      local_address: '2001:db8::7',
      egress: { allow: ['10.1.0.0/16', 'fd00::/8'] },
    });
    expect(new Settings(config).ofWebhooks().hubs).toEqual([
      {
        hub: 'Chat',
        key: 'chat',
        webhooks: [
          {
            url: 'https://app.example/hooks',
            event_types: ['group_occupied', 'user_connected'],
            filter: { channel_prefix: 'room' },
          },
        ],
      },
    ]);
  });

  test.each([
    [
      [url],
      '6:9 apps[0].webhooks[0].event_types: `event_types` is missing: add the events that this endpoint receives, or `["*"]` for all',
    ],
    [[url, 'event_types: []'], '7:22 apps[0].webhooks[0].event_types: must have at least one item'],
    [
      [url, 'event_types: [chanel_occupied]'],
      /^7:23 apps\[0\]\.webhooks\[0\]\.event_types\[0\]: must be one of .*, did you mean `channel_occupied`\?$/,
    ],
    [[everything], '6:9 apps[0].webhooks[0]: a webhook needs a target: give it a url, or lambda with function_name'],
    [
      [url, everything, 'lambda_function: f'],
      '6:9 apps[0].webhooks[0]: a webhook has one target: remove url or lambda',
    ],
    [
      ['url: ftp://h/', everything],
      /^6:14 apps\[0\]\.webhooks\[0\]\.url: the url of a webhook is an absolute http or https URL/,
    ],
    [
      ['url: https://me:pw@h/', everything],
      /^6:14 apps\[0\]\.webhooks\[0\]\.url: the url of a webhook contains no user name or password/,
    ],
    [
      [url, everything, 'filter: { channel_pattern: "(" }'],
      /^8:36 apps\[0\]\.webhooks\[0\]\.filter\.channel_pattern: .*no pattern of RE2/,
    ],
    [
      [url, everything, 'filter: { channel_namespace: a }'],
      /^8:19 .*\.filter\.channel_namespace: `channel_namespace` of Sockudo has no equal: names have no `:` here.*`channel_pattern`/,
    ],
    [
      [url, everything, 'filter: { channel_namespaces: [a] }'],
      /^8:19 .*\.filter\.channel_namespaces: `channel_namespaces` of Sockudo has no equal: names have no `:` here/,
    ],
    [
      [url, everything, 'filter: { channel_type: [public, secret] }'],
      /^8:42 .*\.channel_type\[1\]: must be one of `public`/,
    ],
    [[url, everything, 'headers: { "X Y": a }'], /^6:9 apps\[0\]\.webhooks\[0\]: header "X Y" cannot be sent/],
    [[url, everything, 'signing_secret: short'], /^8:25 .*\.signing_secret: a signing secret is whsec_/],
    [[url, everything, 'id: "a b"'], '8:13 apps[0].webhooks[0].id: must be 1 to 64 letters, digits, _ and -'],
    [
      [url, everything, 'retry: { max_attempt: 3 }'],
      '8:18 apps[0].webhooks[0].retry.max_attempt: unknown key `max_attempt`, did you mean `max_attempts`?',
    ],
  ])('%j is refused', (lines, problem) => {
    const [first, ...others] = refusal(withEndpoint(...lines));
    if (typeof problem === 'string') expect(first).toBe(problem);
    else expect(first).toMatch(problem);
    expect(others).toEqual([]);
  });

  test('ids are unique within an app, and not beyond', () => {
    const endpoint = `{ id: e, ${url}, ${everything} }`;
    const app = (id: string, ...endpoints: string[]) =>
      `{ id: ${id}, key: ${id}, secret: s, webhooks: [${endpoints.join(', ')}] }`;
    expect(refusal(`apps:\n- ${app('a', endpoint, endpoint)}\n`)[0]).toMatch(
      /^2:\d+ apps\[0\]\.webhooks\[1\]\.id: the same id as apps\[0\]\.webhooks\[0\]\.id; endpoint ids are unique within the app: change one$/,
    );
    expect(parse(`apps:\n- ${app('a', endpoint)}\n- ${app('b', endpoint)}\n`).apps.all()).toHaveLength(2);
  });

  test('https_only refuses http URLs, where they stand and without what a variable adds to them', () => {
    const secret = ['$', '{SECRET}'].join('');
    const text = `webhooks: { https_only: true }\n${withEndpoint(`url: "http://h/${secret}"`, everything)}`;
    expect(refusal(text, { SECRET: 'hush' })).toEqual([
      '7:14 apps[0].webhooks[0].url: must be an https URL, since `webhooks.https_only` is set',
    ]);
  });

  test('groups of a hub have no kinds, and a hub has other events', () => {
    const hub = (rest: string) => `hubs: { chat: { webhooks: [{ ${url}, ${rest} }] } }`;
    expect(refusal(hub('event_types: [channel_occupied]'))[0]).toContain('must be one of `connected`');
    expect(refusal(hub('event_types: ["*"], filter: { channel_type: public }'))[0]).toContain(
      'unknown key `channel_type`',
    );
  });
});

describe('the queue', () => {
  test('is in files unless another driver is chosen', () => {
    for (const text of ['hubs: {}', 'queue:\n', 'queue: { driver: FILE }'])
      expect(parse(text).queue).toEqual({ driver: 'file' });
    expect(new Settings(parse('queue: { driver: memory }')).ofQueue('/data')).toEqual({ driver: 'memory' });
    expect(new Settings(parse('{}')).ofQueue('/data')).toEqual({ driver: 'file', directory: '/data' });
  });

  test('nats is that of the cluster, if there is one', () => {
    const place = { nats: {}, parts: {}, replicas: 3 } as unknown as NatsQueuePlace;
    const settings = new Settings(parse('queue: { driver: nats, nats: { concurrency: 5 } }'));
    expect(settings.ofQueue('/data', place)).toEqual({ driver: 'nats', concurrency: 5, ...place });
    expect(settings.ofQueue('/data')).toBeUndefined();
  });

  test('redis and sqs', () => {
    expect(
      parse('queue: { driver: redis, redis: { url: "redis://u:p@h:6379/1", concurrency: 5, prefix: "q:" } }').queue,
    ).toEqual({
      driver: 'redis',
      url: 'redis://u:p@h:6379/1',
      concurrency: 5,
      prefix: 'q:',
    });
    expect(
      parse('queue: { driver: sqs, sqs: { queue_url: "https://sqs/q", fifo: true, wait_time_seconds: 1 } }').queue,
    ).toEqual({
      driver: 'sqs',
      queueUrl: 'https://sqs/q',
      region: 'us-east-1',
      fifo: true,
      waitTimeSeconds: 1,
    });
  });

  test('what needs an order is taken with an SQS queue that keeps one', () => {
    const app = `apps: [{ id: a, key: k, secret: s, webhooks: [{ ${url}, ${everything}, ordering: channel }] }]`;
    const queue = (fifo: boolean) => `queue: { driver: sqs, sqs: { queue_url: "https://q/", fifo: ${fifo} } }`;
    expect(parse(`${app}\n${queue(true)}`).queue.driver).toBe('sqs');
    expect(parse(`${app.replace('channel }', 'none }')}\n${queue(false)}`).queue.driver).toBe('sqs');
    const durable = 'hubs: { chat: { eventHandlers: [{ urlTemplate: "http://h/", delivery: durable }] } }';
    expect(new Settings(parse(`${durable}\n${queue(false)}`)).losesEventOrder()).toBe(true);
    expect(new Settings(parse(`${durable}\n${queue(true)}`)).losesEventOrder()).toBe(false);
    expect(new Settings(parse(durable)).losesEventOrder()).toBe(false);
    expect(new Settings(parse(`${app.replace('channel }', 'none }')}\n${queue(false)}`)).losesEventOrder()).toBe(false);
  });

  test('a redis cluster', () => {
    expect(parse('queue: { driver: redis, redis: { nodes: ["redis://a", "rediss://u:p@b:2/0"] } }').queue).toEqual({
      driver: 'redis',
      nodes: ['redis://a', 'rediss://u:p@b:2/0'],
    });
  });

  test.each([
    ...[
      ['apps: [{ id: a, key: k, secret: s, webhooks: [W] }]', '98', 'apps[0].webhooks[0].ordering'],
      ['apps: [{ id: a, key: k, secret: s, policy: { webhooks: [W] } }]', '108', 'apps[0].policy.webhooks[0].ordering'],
      ['hubs: { chat: { webhooks: [W] } }', '79', 'hubs.chat.webhooks[0].ordering'],
    ].map(([owner = '', column, place]) => [
      `${owner.replace('W', '{ url: "https://h/", event_types: ["*"], ordering: channel }')}\nqueue: { driver: sqs, sqs: { queue_url: "https://q/" } }`,
      `1:${column} ${place}: \`channel\` is not possible in an SQS queue without FIFO, which keeps no order; use a FIFO queue with \`queue.sqs.fifo: true\`, another driver, or remove it`,
    ]),
    [
      'queue: { driver: redis, redis: {} }',
      '1:32 queue.redis.url: `url` is missing: add the URL of the server, such as redis://localhost:6379/0, or `nodes` with those of a cluster',
    ],
    [
      'queue: { driver: redis, redis: { url: "redis://a", nodes: ["redis://a"] } }',
      '1:52 queue.redis.nodes: `url` and `nodes` are both set; keep `nodes` for a cluster',
    ],
    [
      'queue: { driver: redis, redis: { nodes: ["redis://a/1"] } }',
      '1:42 queue.redis.nodes[0]: must be a URL such as redis://host:6379, without a database: a cluster has only one',
    ],
    ['queue: { driver: redis, redis: { nodes: [] } }', '1:41 queue.redis.nodes: must have at least one item'],
    ['queue: { driver: kafka }', '1:18 queue.driver: must be one of `file`, `memory`, `redis`, `sqs`, `nats`'],
    [
      'queue: { driver: redis }',
      '1:8 queue.redis: `redis` is missing: driver redis needs the server; add `redis: { url: "redis://…" }`',
    ],
    [
      'queue: { driver: sqs }',
      '1:8 queue.sqs: `sqs` is missing: driver sqs needs the queue; add `sqs: { queue_url: "https://…" }`',
    ],
    [
      'queue: { driver: redis, redis: { url: "localhost" } }',
      '1:39 queue.redis.url: must be a URL that starts with redis:// or rediss://',
    ],
  ])('%s is refused', (text, problem) => {
    expect(refusal(text)).toEqual([problem]);
  });

  test.each([
    ['redis://u:s3cret@127.0.0.1:99999/0', 'the host or port of the URL is not valid'],
    ['redis://u:s3c/ret@h:1', 'the host or port of the URL is not valid'],
    ['redis://:s3cret@/0', 'the host or port of the URL is not valid'],
    ['redis://h:1/s3cret', 'the database at the end of the URL must be a number'],
    ['redis://u:s3cret@h:1/0x1', 'the database at the end of the URL must be a number'],
    ['redis://u:1/s3cret@h:1', 'the URL contains an `@` behind the host; in user and password `/` is written %2F'],
    ['redis://u:1#s3cret@h:1', 'the URL contains an `@` behind the host'],
    ['redis://:s3cret%ZZ@h:1/0', 'user or password of the URL contains a stray `%`; write a literal one as %25'],
  ])('a redis URL that the library could not read is refused, without it: %s', (text, reason) => {
    for (const written of [text, '$' + '{URL}']) {
      for (const [setting, place] of [
        [`url: "${written}"`, '1:39 queue.redis.url'],
        [`nodes: ["redis://a", "${written}"]`, '1:55 queue.redis.nodes[1]'],
      ]) {
        const [problem, ...more] = refusal(`queue: { driver: redis, redis: { ${setting} } }`, { URL: text });
        expect([problem, more]).toEqual([expect.stringContaining(`${place}: ${reason}`), []]);
        expect(problem).not.toMatch(/s3c|ret@/);
      }
    }
  });

  test.each([
    ['http://u:s3cret@127.0.0.1:1/q', 'the URL contains a user name or password before the host; remove it'],
    ['https://s3cret@h/q', 'the URL contains a user name or password before the host; remove it'],
    ['https://h:99999/s3cret', 'the host or port of the URL is not valid'],
    ['s3cret', 'must be an http or https URL'],
    ['https:///s3cret', 'must be an http or https URL'],
  ])('a URL for requests to AWS is refused, without it: %s', (text, reason) => {
    const problem = (place: string, file: string) => {
      expect(refusal(file)).toEqual([expect.stringContaining(`${place}: ${reason}`)]);
      expect(refusal(file)[0]).not.toContain('s3cret');
    };
    problem('queue.sqs.queue_url', `queue: { driver: sqs, sqs: { queue_url: "${text}" } }`);
    problem(
      'queue.sqs.endpoint_url',
      `queue: { driver: sqs, sqs: { queue_url: "http://q", endpoint_url: "${text}" } }`,
    );
    const lambda = (settings: string) => withEndpoint(everything, `lambda: { function_name: f, ${settings} }`);
    problem('apps[0].webhooks[0].lambda.endpoint', lambda(`endpoint: "${text}"`));
    problem('.lambda.client_options.endpoint', lambda(`client_options: { endpoint: "${text}" }`));
  });

  test('a redis URL may have escapes and an `@` in its password, and an address of IPv6', () => {
    for (const text of ['redis://u:p%2F%40@h:1/0', 'rediss://:p@ss@[::1]:6379', 'redis://h/']) {
      expect(parse(`queue: { driver: redis, redis: { url: "${text}" } }`).queue).toMatchObject({ url: text });
    }
  });

  test('a variable without a value is refused in the URL of a node, too', () => {
    const text = `queue: { driver: redis, redis: { nodes: ["redis://${'$' + '{HOST}'}:1"] } }`;
    expect(refusal(text, { HOST: '' })).toEqual([expect.stringContaining('HOST is empty')]);
  });
});

test('[design 8] an event handler can be durable', () => {
  const handler = (rest: string) => `hubs: { chat: { eventHandlers: [{ urlTemplate: "http://h/"${rest} }] } }`;
  const isDurable = (text: string) => parse(text).hubs.get('chat')?.eventHandlers[0]?.isDurable;
  expect(isDurable(handler(', delivery: durable'))).toBe(true);
  expect([handler(', delivery: direct'), handler(', delivery: '), handler('')].map(isDurable)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(refusal(handler(', delivery: durably'))[0]).toContain('did you mean `durable`?');
});

describe('a secret that everyone knows', () => {
  test('is told with its app, unless its key is not active', () => {
    expect(weaknessOf(parse('apps: [{ id: app, key: app-key, secret: app-secret }]').apps)).toMatch(
      /^while app app has a secret of a sample/,
    );
    const rotated = 'keys: [{ key: k, secret: app-secret, active: false }, { key: l, secret: own }]';
    expect(weaknessOf(parse(`apps: [{ id: app, ${rotated} }]`).apps)).toBeUndefined();
    expect(weaknessOf(parse(withApp()).apps)).toBeUndefined();
  });
});

/** As Sockudo's documentation and its own files have it: JSON, which is YAML. */
describe('the `apps` array of Sockudo, pasted as it is', () => {
  const endpoint = {
    url: 'https://app.example/hooks',
    event_types: ['channel_occupied', 'member_added', 'client_event'],
    headers: { Authorization: 'Bearer b' },
    filter: { channel_type: 'presence', channel_prefix: 'presence-room-', channel_suffix: null },
    retry: { enabled: true, max_attempts: 5 },
    request_timeout_ms: 5_000,
  };
  const lambda = {
    lambda: { function_name: 'fn', region: 'us-east-1', invocation_type: 'Event', qualifier: 'live' },
    event_types: ['channel_vacated'],
  };
  const limits = { max_connections: 1000, max_client_events_per_second: 20, max_presence_members_per_channel: null };

  test('with its settings side by side', () => {
    const app = {
      id: 1234,
      key: 'k',
      secret: 's',
      enabled: true,
      enable_client_messages: true,
      enable_user_authentication: false,
      allowed_origins: ['*'],
      ...limits,
      webhooks: [endpoint, lambda],
    };
    const text = JSON.stringify({ apps: [app] }, null, 2);
    const read = appOf(text);
    expect(read).toMatchObject({
      id: '1234',
      enableClientMessages: true,
      limits: { maxConnections: 1000, maxPresenceMembers: 100 },
    });
    expect(read.webhooks.webhooks?.map(({ url, lambda }) => url ?? lambda?.function_name)).toEqual([
      'https://app.example/hooks',
      'fn',
    ]);
  });

  test('with its settings in groups, as newer files have them', () => {
    const policy = {
      limits,
      features: { enable_client_messages: true, enable_user_authentication: true, enable_watchlist_events: false },
      channels: { allowed_origins: ['https://app.example'] },
      webhooks: [endpoint],
    };
    const app = appOf(JSON.stringify({ apps: [{ id: 'a', key: 'k', secret: 's', enabled: true, policy }] }));
    expect(app).toMatchObject({
      enableClientMessages: true,
      enableWatchlistEvents: false,
      authorizationTimeoutMs: 30_000,
      allowedOrigins: ['https://app.example'],
      limits: { maxConnections: 1000, maxClientEventsPerSecond: 20 },
    });
    expect(app.webhooks.webhooks).toHaveLength(1);
  });

  test('what has no equal is told, each with its place', () => {
    const app = {
      id: 'a',
      key: 'k',
      secret: 's',
      policy: { limits: { decay_seconds: 1 }, history: { enabled: true } },
    };
    expect(refusal(JSON.stringify({ apps: [app] })).map(line => line.replace(/^\S+ /, ''))).toEqual([
      'apps[0].policy.limits.decay_seconds: `decay_seconds` of Sockudo has no equal: rates are counted per second; remove it',
      'apps[0].policy.history: `history` of Sockudo has no equal: only the last event of a cache channel is kept; remove it',
    ]);
  });
});

describe('[MG-006] what people may see of the URL of a webhook', () => {
  const value = 'planted-secret';
  const shown = (text: string) => {
    const config = parseConfig(text, { file: 'hubs.yaml', env: { V: value, URL: `https://h.example/${value}` } });
    const sources = new Sources({
      general: config.webhooks,
      apps: config.apps.all().map(({ id, webhooks }) => ({ id, keys: [], ...webhooks })) as never,
      hubs: [...config.hubs.values()].map(({ name, webhooks }) => ({ key: name, hub: name, ...webhooks })),
    });
    return [...sources.endpointIds].map(id => {
      const target = sources.endpoint(id)?.endpoint.target;
      return target?.kind === 'http' ? [target.display, target.origin + target.path] : [];
    });
  };
  const endpoint = (url: string) => `webhooks: [{ url: "${url}", event_types: ["*"] }]`;
  const variable = (name: string) => `$\{${name}}`;
  const app = (setting: string) => `apps: [{ id: a, key: k, secret: s, ${setting} }]`;

  test.each([
    [
      endpoint(`https://h.example/a/${variable('V')}/b?q=1`),
      'https://h.example/a/***/b',
      `https://h.example/a/${value}/b?q=1`,
    ],
    [endpoint(variable('URL')), 'https://h.example/***', `https://h.example/${value}`],
    [endpoint('https://h.example/a'), 'https://h.example/a', 'https://h.example/a'],
  ])('is *** where a variable was filled in: %s', (setting, display, url) => {
    expect(shown(app(setting))).toEqual([[display, url]]);
    expect(shown(app(`policy: { ${setting} }`))).toEqual([[display, url]]);
    expect(shown(`hubs: { chat: { ${setting} } }`)).toEqual([[display, url]]);
  });
});
