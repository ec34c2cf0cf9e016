import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { importFrom, type Peer } from '../../../../src/config/import/import.js';
import { ConfigError, formatPath } from '../../../../src/config/problems.js';

function imported(peer: Peer, content: unknown, asVariables = false) {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return importFrom(peer, text, { file: 'config.json', asVariables });
}

/** The lines of the message that the file is refused with. */
function refusal(peer: Peer, content: unknown): string {
  try {
    imported(peer, content);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}

const app = { id: 'a', key: 'k', secret: 'hush' };

/** What is written for an app that sets nothing: limits of the peer where they differ from those here. */
const peerLimits = {
  max_channels_per_connection: -1,
  max_presence_members_per_channel: 100,
  max_presence_member_size_in_kb: 2,
  max_channel_name_length: 200,
  max_event_channels_at_once: 100,
  max_event_name_length: 200,
  max_event_payload_in_kb: 100,
  max_event_batch_size: 10,
};

describe('a configuration of Sockudo', () => {
  const whole = (apps: unknown[], others: object = {}) => ({
    app_manager: { driver: 'memory', array: { apps } },
    ...others,
  });

  test('an app keeps the limits and defaults that it had', () => {
    const { text, problems, unmatched, apps } = imported('sockudo', whole([app]));
    expect(parseYaml(text)).toEqual({
      apps: [{ ...app, enable_watchlist_events: false, max_client_events_per_second: 0, ...peerLimits }],
    });
    expect([apps, problems, unmatched]).toEqual([1, [], []]);
  });

  test('limits of the server are those of each app that has none of its own', () => {
    const limits = {
      presence: { max_members_per_channel: 50, max_member_size_in_kb: '4' },
      event_limits: { max_payload_in_kb: 20 },
      user_authentication_timeout: 60,
    };
    const apps = [
      { ...app, max_event_payload_in_kb: 30, enable_user_authentication: true },
      { ...app, id: 'b', key: 'l' },
    ];
    expect(parseYaml(imported('sockudo', whole(apps, limits)).text).apps).toMatchObject([
      {
        max_presence_members_per_channel: 50,
        max_presence_member_size_in_kb: 4,
        max_event_payload_in_kb: 30,
        user_authentication_timeout: 60,
      },
      { max_presence_members_per_channel: 50, max_event_payload_in_kb: 20 },
    ]);
  });

  test('settings in groups, webhooks, batches and the queue', () => {
    const policy = {
      limits: { max_connections: 10 },
      features: { enable_client_messages: true },
      channels: { allowed_origins: ['https://a.example'] },
      webhooks: [
        {
          url: 'https://a.example/h',
          event_types: ['channel_occupied'],
          filter: { channel_prefix: 'x' },
          headers: { A: 'b' },
        },
      ],
    };
    const others = {
      queue: { driver: 'redis', redis: { concurrency: 5, prefix: 'sockudo_queue:', url_override: 'redis://r:6379/' } },
      webhooks: { retry: { max_attempts: 3 }, request_timeout_ms: 2_000 },
    };
    const { text, problems, unmatched } = imported('sockudo', whole([{ ...app, policy }], others));
    expect(parseYaml(text)).toMatchObject({
      apps: [
        {
          max_connections: 10,
          enable_client_messages: true,
          allowed_origins: ['https://a.example'],
          webhooks: [
            {
              url: 'https://a.example/h',
              event_types: ['channel_occupied'],
              filter: { channel_prefix: 'x' },
              headers: { A: 'b' },
              retry: { max_attempts: 3 },
              request_timeout_ms: 2_000,
            },
          ],
        },
      ],
      webhooks: { batching: { enabled: true, duration: 50, size: 100 } },
      queue: { driver: 'redis', redis: { url: 'redis://r:6379/', concurrency: 5, prefix: 'sockudo_queue:' } },
    });
    expect([problems, unmatched]).toEqual([[], []]);
  });

  test('settings beside `policy`, which Sockudo does not read', () => {
    const webhooks = [{ url: 'https://a.example/h', event_types: ['channel_occupied'] }];
    const beside = { ...app, webhooks, max_connections: 5, policy: { limits: { max_connections: 10 } } };
    const { text, unmatched } = imported('sockudo', whole([{ ...app, id: 'b', key: 'l' }, beside]));
    expect(parseYaml(text).apps[1]).toMatchObject({ max_connections: 10 });
    expect(parseYaml(text).apps[1]).not.toHaveProperty('webhooks');
    const advice = 'Sockudo does not read it beside `policy`; if it has to count, move it there';
    expect(unmatched.map(each => [formatPath(each.path), each.advice])).toEqual([
      ['app_manager.array.apps[1].webhooks', advice],
      ['app_manager.array.apps[1].max_connections', advice],
    ]);
  });

  test.each([
    [[], undefined],
    [['*', 'https://a.example'], undefined],
    [['Any'], undefined],
    [
      ['*.a.example', 'https://*.b.example', 'c.example'],
      ['*.a.example', 'https://*.b.example', 'c.example', 'a.example'],
    ],
    [
      ['a.example', '*.a.example'],
      ['a.example', '*.a.example'],
    ],
  ])('origins %j allow the same pages', (allowed_origins, expected) => {
    const { text, problems } = imported('sockudo', whole([{ ...app, allowed_origins }]));
    expect(parseYaml(text).apps[0].allowed_origins).toEqual(expected);
    expect(problems).toEqual([]);
  });

  test.each([
    [
      'of the driver for them',
      { driver: 'redis-cluster', redis_cluster: { nodes: ['a:1', 'rediss://b:2'], prefix: 'q:', concurrency: 5 } },
      { cluster: { password: 'hush', use_tls: true } },
      { nodes: ['rediss://:hush@a:1', 'rediss://:hush@b:2'], prefix: 'q:', concurrency: 5 },
    ],
    [
      'as URLs, with users and ports of their own or without',
      { driver: 'redis-cluster', redis_cluster: { nodes: ['redis://u:p@a:1', 'redis://b', 'c', 'redis://[::1]:2/'] } },
      { password: 'hush', master_tls: { enabled: true } },
      { nodes: ['rediss://u:p@a:1', 'rediss://:hush@b:6379', 'rediss://:hush@c:6379', 'rediss://:hush@[::1]:2'] },
    ],
    [
      'of the database',
      { driver: 'redis', redis: { cluster_mode: true } },
      { cluster: { nodes: [{ host: 'a', port: 1 }, { host: '::1' }] }, username: 'u', password: 'hush' },
      { nodes: ['redis://u:hush@a:1', 'redis://u:hush@[::1]:7000'] },
    ],
    [
      'of the database, in older files',
      { driver: 'redis', redis: { cluster_mode: true } },
      { cluster_nodes: [{ host: 'a', port: 1 }] },
      { nodes: ['redis://a:1'] },
    ],
  ])('nodes of a redis cluster %s', (_title, queue, redis, expected) => {
    const webhooks = [{ url: 'https://h/', event_types: ['cache_miss'] }];
    const content = whole([{ ...app, webhooks }], { queue, database: { redis } });
    const { text, problems, unmatched } = imported('sockudo', content);
    expect(parseYaml(text).queue).toEqual({ driver: 'redis', redis: expected });
    expect([problems, unmatched]).toEqual([[], []]);
    expect(imported('sockudo', content, true).text).not.toContain('hush');
  });

  test.each([
    [{ host: 'r', port: 6380, password: 'p@ss' }, 'redis://:p%40ss@r:6380/0'],
    [{ host: 'rediss://r', port: 6380, username: 'u', password: 'p', db: 2 }, 'rediss://u:p@r:6380/2'],
    [{ host: 'redis://r:1', port: 6380 }, 'redis://r:1/0'],
    [{ host: '::1' }, 'redis://[::1]:6379/0'],
    [{ master_tls: { enabled: true } }, 'rediss://127.0.0.1:6379/0'],
    [{ master_tls: { enabled: false } }, 'redis://127.0.0.1:6379/0'],
  ])('a redis server %j', (redis, url) => {
    const webhooks = [{ url: 'https://h/', event_types: ['cache_miss'] }];
    const content = whole([{ ...app, webhooks }], { queue: { driver: 'redis' }, database: { redis } });
    const { text, problems, unmatched } = imported('sockudo', content);
    expect(parseYaml(text).queue.redis.url).toBe(url);
    expect([problems, unmatched]).toEqual([[], []]);
  });

  test('each setting without an equal is told by name, with what to do where there is something', () => {
    const policy = {
      limits: { decay_seconds: 2 },
      channels: { channel_delta_compression: { a: { enabled: true }, b: {} } },
    };
    const webhook = {
      url: 'https://h/',
      event_types: ['channel_occupied', 'ai_run_started'],
    };
    const apps = [{ ...app, policy: { ...policy, webhooks: [webhook] } }];
    const others = {
      port: 6001,
      adapter: { driver: 'nats', nats: { servers: ['n'], token: null } },
      queue: { driver: 'kafka' },
    };
    const { unmatched, text } = imported('sockudo', whole(apps, others));
    expect(unmatched.map(({ path, advice }) => [formatPath(path), advice])).toEqual([
      ['app_manager.array.apps[0].policy.limits.decay_seconds', 'rates are counted per second'],
      ['app_manager.array.apps[0].policy.channels.channel_delta_compression', 'messages are sent whole'],
      ['app_manager.array.apps[0].policy.webhooks[0].event_types.ai_run_started', undefined],
      ['port', 'set --port or HUBWIRE_PORT'],
      ['adapter.driver', undefined],
      ['adapter.nats.servers', undefined],
      ['queue.driver', 'set `queue:`'],
    ]);
    expect(parseYaml(text).apps[0].webhooks[0].event_types).toEqual(['channel_occupied']);
  });

  test.each([
    ['channel_namespaces', ['orders', 'chat']],
    ['channel_namespace', 'orders'],
  ])(
    'a filter with %s has to be corrected: without it, the endpoint would get the events of all channels',
    (name, value) => {
      const webhook = { url: 'https://h/', event_types: ['channel_occupied'], filter: { [name]: value } };
      const { problems, text } = imported('sockudo', whole([{ ...app, webhooks: [webhook] }]));
      expect(problems.map(({ path }) => path)).toEqual([`apps[0].webhooks[0].filter.${name}`]);
      expect(problems[0]?.reason).toMatch(/has no equal: names have no `:` here, .* write `channel_prefix`, or/);
      expect(parseYaml(text).apps[0].webhooks[0].filter).toEqual({ [name]: value });
    },
  );

  test('kinds of channels are a list, too; a condition that is not known has to be corrected, an empty one is none', () => {
    const endpoint = (filter: object) => ({ url: 'https://h/', event_types: ['channel_occupied'], filter });
    const webhooks = [endpoint({ channel_type: ['presence', 'private'] }), endpoint({ channel_namespaces: [] })];
    const { problems, text } = imported('sockudo', [{ ...app, webhooks }]);
    expect(problems).toEqual([]);
    expect(parseYaml(text).apps[0].webhooks[0].filter).toEqual({ channel_type: ['presence', 'private'] });
    const unknown = imported('sockudo', [{ ...app, webhooks: [endpoint({ channel_regex: { a: [1] } })] }]);
    expect(unknown.problems.map(({ path }) => path)).toEqual(['apps[0].webhooks[0].filter.channel_regex']);
  });

  const adviceOf = ({ unmatched }: ReturnType<typeof imported>) =>
    unmatched.map(({ path, advice }) => [formatPath(path).replace('app_manager.array.apps[0].', ''), advice]);

  test('[PW §3.11] names of channels with `:` or `#`, and patterns of them, are told', () => {
    const filters = [
      { channel_prefix: 'orders:' },
      { channel_suffix: '#1' },
      { channel_pattern: '^(?:private-)?chat:\\d+$' },
      { channel_pattern: '^(?i:private-)[[:alpha:]]+$' },
      { channel_prefix: '#server-to-user-' },
    ];
    const webhooks = filters.map(filter => ({ url: 'https://h/', event_types: ['channel_occupied'], filter }));
    const channels = {
      channel_delta_compression: { 'market:*': {} },
      channel_namespaces: [{ name: 'chat', channel_name_pattern: '^chat:' }],
    };
    const found = adviceOf(imported('sockudo', whole([{ ...app, policy: { channels, webhooks } }])));
    const named = found.filter(([, advice]) => advice?.startsWith("channels' names have no `:` and no `#` here"));
    expect(named.map(([path]) => path)).toEqual([
      'policy.channels.channel_delta_compression',
      'policy.channels.channel_namespaces',
      'policy.webhooks[0].filter.channel_prefix',
      'policy.webhooks[1].filter.channel_suffix',
      'policy.webhooks[2].filter.channel_pattern',
    ]);
  });

  test('an endpoint for all events is kept; one that is left out is named', () => {
    const webhooks = [
      { url: 'https://a/', event_types: ['*'] },
      { url: 'https://b/', event_types: ['ai_run_started'] },
      { url: 'https://c/' },
    ];
    const result = imported('sockudo', whole([{ ...app, webhooks }]));
    expect(parseYaml(result.text).apps[0].webhooks).toMatchObject([{ url: 'https://a/', event_types: ['*'] }]);
    const leftOut = 'the endpoint is left out: it lists no event that there is here';
    expect(adviceOf(result)).toEqual([
      ['webhooks[1].event_types.ai_run_started', undefined],
      ['webhooks[0].event_types', '`*` is all events here; peers send none for it'],
      ['webhooks[1]', leftOut],
      ['webhooks[2]', leftOut],
    ]);
  });

  test('the queue in SQS: the same options, and the URL of the queue', () => {
    const options = {
      region: 'eu-central-1',
      endpoint_url: 'http://localhost:4566',
      visibility_timeout: 30,
      max_messages: 10,
      wait_time_seconds: 5,
      concurrency: 5,
    };
    const prefix = 'https://sqs.eu-central-1.amazonaws.com/1/';
    const webhooks = [{ url: 'https://h/', event_types: ['cache_miss'] }];
    const of = (sqs: object) => imported('sockudo', whole([{ ...app, webhooks }], { queue: { driver: 'sqs', sqs } }));
    const fifo = of({ ...options, queue_url_prefix: prefix, fifo: true, message_group_id: 'default' });
    const queue_url = `${prefix}webhooks.fifo`;
    expect(parseYaml(fifo.text).queue).toEqual({ driver: 'sqs', sqs: { queue_url, ...options, fifo: true } });
    expect(fifo.problems).toEqual([]);
    expect(adviceOf(fifo).map(([path]) => path)).toEqual(['queue.sqs.message_group_id', 'queue.sqs.queue_url_prefix']);
    expect(parseYaml(of({ ...options, queue_url_prefix: prefix }).text).queue.sqs.queue_url).toBe(`${prefix}webhooks`);
    expect(of(options).problems.map(({ path }) => path)).toEqual(['queue.sqs.queue_url']);
  });

  test('only the list of apps is a file, too', () => {
    expect(imported('sockudo', [app]).apps).toBe(1);
  });

  test('what has to be corrected is told with its place in the block', () => {
    const webhook = { url: 'https://h/', event_types: ['channel_occupied'], filter: { channel_pattern: '(?=a)' } };
    const { problems } = imported('sockudo', [{ ...app, webhooks: [webhook] }]);
    expect(problems.map(({ path }) => path)).toEqual(['apps[0].webhooks[0].filter.channel_pattern']);
    expect(imported('sockudo', [{ id: 'a' }]).problems.map(({ path }) => path)).toEqual([
      'apps[0].key',
      'apps[0].secret',
    ]);
  });
});

describe('a configuration of soketi', () => {
  test('keys with dots, its spellings, and numbers as texts', () => {
    const apps = [{ ...app, maxConnections: '200', EnableClientMessages: true, max_client_events_per_sec: 20 }];
    const { text, problems, unmatched } = imported('soketi', {
      'appManager.array.apps': apps,
      'presence.maxMembersPerChannel': 7,
    });
    expect(parseYaml(text)).toEqual({
      apps: [
        {
          ...app,
          enable_client_messages: true,
          max_connections: 200,
          max_client_events_per_second: 20,
          ...peerLimits,
          max_presence_members_per_channel: 7,
        },
      ],
    });
    expect([problems, unmatched]).toEqual([[], []]);
  });

  test('its webhooks, as a list or as JSON text', () => {
    const webhooks = [
      {
        url: 'https://h/',
        event_types: ['cache_miss'],
        filter: { channel_name_starts_with: 'a', channel_name_ends_with: 'z' },
      },
      {
        lambda_function: 'fn',
        event_types: ['member_added'],
        lambda: { async: true, region: 'r', client_options: { endpoint: 'http://l' } },
      },
    ];
    const expected = [
      { url: 'https://h/', event_types: ['cache_miss'], filter: { channel_prefix: 'a', channel_suffix: 'z' } },
      {
        lambda_function: 'fn',
        lambda: { region: 'r', async: true, client_options: { endpoint: 'http://l' } },
        event_types: ['member_added'],
      },
    ];
    for (const form of [webhooks, JSON.stringify(webhooks)]) {
      const { text, problems } = imported('soketi', {
        appManager: { driver: 'array', array: { apps: [{ ...app, webhooks: form }] } },
      });
      expect(parseYaml(text).apps[0].webhooks).toEqual(expected);
      expect(problems).toEqual([]);
    }
  });

  test.each([
    [{ driver: 'sync' }, undefined],
    [
      { driver: 'redis', redis: { concurrency: 2 } },
      { driver: 'redis', redis: { url: 'redis://:p%40ss@r:6379/1', concurrency: 2 } },
    ],
    [
      { driver: 'redis', redis: { clusterMode: true } },
      { driver: 'redis', redis: { nodes: ['redis://:p%40ss@n:7001'] } },
    ],
    [
      { driver: 'sqs', sqs: { queueUrl: 'https://q/', region: 'r' } },
      { driver: 'sqs', sqs: { queue_url: 'https://q/', region: 'r' } },
    ],
  ])('queue %j', (queue, expected) => {
    const webhooks = [{ url: 'https://h/', event_types: ['cache_miss'] }];
    const database = { redis: { host: 'r', password: 'p@ss', db: 1, clusterNodes: [{ host: 'n', port: 7001 }] } };
    const content = { appManager: { array: { apps: [{ ...app, webhooks }] } }, queue, database };
    expect(parseYaml(imported('soketi', content).text).queue).toEqual(expected);
  });

  test.each([
    [{ tls: {} }, undefined, 'rediss://:p@r:6379/0'],
    [{ tls: { rejectUnauthorized: false } }, undefined, 'rediss://:p@r:6379/0'],
    [{}, { tls: {} }, 'rediss://:p@r:6379/0'],
    [{}, { host: 'q', port: 1, password: 'o' }, 'redis://:o@q:1/0'],
    [{}, {}, 'redis://:p@r:6379/0'],
  ])('a redis server with the options %j, and %j for the queue', (more, redisOptions, url) => {
    const content = {
      'appManager.array.apps': [{ ...app, webhooks: [{ url: 'https://h/', event_types: ['cache_miss'] }] }],
      'database.redis': { host: 'r', password: 'p', ...more },
      queue: { driver: 'redis', redis: { redisOptions } },
    };
    expect(parseYaml(imported('soketi', content).text).queue.redis.url).toBe(url);
  });
});

describe('apps of soketi by their index, as its documents name them', () => {
  const apps = (content: object) => parseYaml(imported('soketi', content).text).apps;

  test('settings of one app, of the default one too', () => {
    const first = 'appManager.array.apps.0';
    expect(apps({ [`${first}.id`]: 7, [`${first}.key`]: 'k', [`${first}.secret`]: 's' })).toMatchObject([
      { id: '7', key: 'k', secret: 's' },
    ]);
    expect(apps({ [`${first}.maxConnections`]: 5 })).toMatchObject([{ id: 'app-id', max_connections: 5 }]);
  });

  test('beside the list, and behind an app that is not named', () => {
    const content = {
      'appManager.array.apps': [app, { ...app, id: 'b', key: 'l' }],
      'appManager.array.apps.1.maxConnections': 5,
      'appManager.array.apps.3.id': 'd',
      'appManager.array.apps.3.key': 'm',
    };
    expect(apps(content)).toMatchObject([
      { id: app.id },
      { id: 'b', max_connections: 5 },
      { id: 'app-id' },
      { id: 'd', key: 'm' },
    ]);
  });

  test('a number that is no index is a name', () => {
    const content = { 'appManager.array.apps': [app], 'adapter.9999.b': 1, 'metrics.0.b': 1, 'metrics.prefix': 'x' };
    const { unmatched } = imported('soketi', content);
    expect(unmatched.map(({ path }) => formatPath(path))).toEqual(['adapter.9999.b', 'metrics.0.b', 'metrics.prefix']);
  });
});

describe('rows of a database, written to a list', () => {
  test.each(['soketi', 'sockudo'] as const)('of %s have 1 and 0 for true and false', peer => {
    const rows = [
      { ...app, enabled: 1, enable_client_messages: 1 },
      { ...app, id: 'b', key: 'l', enabled: 0, enable_client_messages: '1' },
    ];
    const { text, unmatched } = imported(peer, rows);
    expect(parseYaml(text).apps).toMatchObject([
      { enabled: true, enable_client_messages: true },
      { enabled: false, enable_client_messages: true },
    ]);
    expect(unmatched).toEqual([]);
  });

  test('a text that says false, which soketi takes for true, is neither', () => {
    const { text, unmatched } = imported('soketi', [{ ...app, enabled: 'false', enableClientMessages: 2 }]);
    expect(parseYaml(text).apps[0]).not.toHaveProperty('enabled');
    expect(unmatched.map(({ path }) => path.at(-1))).toEqual(['enabled', 'enableClientMessages']);
  });
});

test.each([
  ['sockudo', { app_manager: { array: { apps: [app] } } }],
  ['soketi', { 'appManager.array.apps': [app] }],
] as const)('Sentinel in a file of %s is told to be unsupported, as the URL names no master', (peer, content) => {
  const { unmatched } = imported(peer, {
    ...content,
    database: { redis: { sentinels: [{ host: 's', port: 26379 }] } },
  });
  const advice = 'Sentinel is not supported: `queue.redis.url` has to name the master';
  expect(unmatched).toEqual([{ path: ['database', 'redis', 'sentinels'], advice }]);
});

describe('secrets', () => {
  const webhooks = [
    {
      url: 'https://h/?code=hush',
      event_types: ['cache_miss'],
      headers: { Authorization: 'Bearer hush', 'X-Name': 'n' },
    },
  ];
  const content = [
    { ...app, id: 42, webhooks },
    { ...app, id: 'b c', key: 'l', secret: 'hush2' },
  ];

  test('are written as they are, with a warning', () => {
    const { text, secrets } = imported('sockudo', content);
    expect(text).toMatch(/^# Contains secrets: .*\n/);
    expect(parseYaml(text).apps[0]).toMatchObject({ secret: 'hush', webhooks });
    expect(secrets).toHaveLength(4);
  });

  test('are written as names of variables when this is wanted, and named', () => {
    const { text, secrets, problems } = imported('sockudo', content, true);
    expect(text).not.toContain('hush');
    expect(secrets.map(({ name, place }) => `${name} ${place}`)).toEqual([
      'APP_42_SECRET apps[0].secret',
      'APP_42_WEBHOOKS_1_URL apps[0].webhooks[0].url',
      'APP_42_WEBHOOKS_1_AUTHORIZATION apps[0].webhooks[0].headers.Authorization',
      'APP_B_C_SECRET apps[1].secret',
    ]);
    expect(parseYaml(text).apps[0].secret).toBe(['$', '{APP_42_SECRET}'].join(''));
    expect(problems.map(({ path }) => path)).toEqual(['apps[1].id']);
  });

  test('two secrets never have one name', () => {
    const twins = [
      { ...app, id: 'a-b' },
      { ...app, id: 'a_b', key: 'l' },
    ];
    expect(imported('sockudo', twins, true).secrets.map(({ name }) => name)).toEqual([
      'APP_A_B_SECRET',
      'APP_A_B_SECRET_2',
    ]);
  });

  test('a text of the file never becomes a variable', () => {
    const literal = ['$', '{HOME}'].join('');
    expect(parseYaml(imported('sockudo', [{ ...app, secret: literal }]).text).apps[0].secret).toBe(`$${literal}`);
    expect(imported('sockudo', [{ ...app, secret: literal }]).problems).toEqual([]);
  });
});

describe('what is no configuration', () => {
  test.each([
    ['sockudo', '{ "app_manager": ', /^config\.json:1:\d+: /],
    [
      'sockudo',
      'debug = true\n[app_manager]\n',
      /^config\.json:1:1: the file is TOML, which is not read here; convert it to JSON$/,
    ],
    ['sockudo', '# a comment\n\n[[apps]]\nid = "a"\n', /TOML/],
    ['sockudo', 'text', /no configuration of Sockudo: it is no mapping$/],
    ['sockudo', '', /it is no mapping$/],
    [
      'soketi',
      '{}',
      /appManager\.array\.apps is no list of apps, so there is nothing to import; is it the right file\?$/,
    ],
    ['sockudo', '[]', /is no list of apps/],
    ['sockudo', '[1]', /is no list of apps/],
    [
      'sockudo',
      '{ "app_manager": { "driver": "mysql" } }',
      /app_manager\.driver is mysql, so the apps are in that database; write them to a list there$/,
    ],
    [
      'sockudo',
      '{ "appManager": { "array": { "apps": [{}] } } }',
      /the file is one of soketi, not of Sockudo; run: hubwire import soketi FILE$/,
    ],
    ['soketi', '{ "app_manager": { "array": { "apps": [{}] } } }', /run: hubwire import sockudo FILE$/],
    ['soketi', `${'['.repeat(50_000)}`, /^config\.json:1:\d+: /],
  ] as const)('%s, case %#', (peer, text, message) => {
    expect(refusal(peer, text)).toMatch(message);
  });

  test('a message shows no text of the file', () => {
    expect(refusal('sockudo', '{ "secret": "hush", "key": hush" }')).not.toContain('hush');
    expect(refusal('sockudo', { app_manager: { driver: 'mysql://hush', array: {} } })).not.toContain('hush');
  });

  test('keys that are special to programs are only names', () => {
    const { unmatched } = imported(
      'sockudo',
      `{ "__proto__": { "a": 1 }, "constructor": { "b": 2 }, "app_manager": { "array": { "apps": [${JSON.stringify(app)}] } } }`,
    );
    expect(unmatched.map(({ path }) => formatPath(path))).toEqual(['__proto__.a', 'constructor.b']);
  });
});
