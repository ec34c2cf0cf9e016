import { describe, expect, test } from 'vitest';
import { changesOf, parseConfig } from '../../../src/config/load.js';

/** How two texts of a hubs.yaml differ. */
function changes(before: string, after: string, env = {}) {
  const [old, next] = [before, after].map(text => parseConfig(text, { file: 'hubs.yaml', env }));
  return changesOf(old!, next!);
}

/** A hub `chat` with these lines. */
function chat(...lines: readonly string[]): string {
  return `hubs:\n  chat:\n${lines.map(line => `    ${line}\n`).join('')}`;
}

/** App 42 with these settings. */
function app(...settings: readonly string[]): string {
  const secret = settings.some(setting => setting.startsWith('secret')) ? [] : ['secret: s'];
  return `apps: [{ id: 42, key: k, ${[...secret, ...settings].join(', ')} }]`;
}

const guarded = 'eventHandlers: [{ urlTemplate: "http://h/?code=s3cret", systemEvents: [connect] }]';

describe('[newcomer F14] what a reload changed', () => {
  test.each([
    ['hubs: {}', 'hubs:\n  News:\n', ['hub News added']],
    ['hubs:\n  News:\n', 'hubs: {}', ['hub News removed']],
    ['hubs:\n  News:\n', 'hubs:\n  news:\n', []],
    [
      chat('webSocketKeepAliveIntervalInSeconds: 20'),
      chat('webSocketKeepAliveIntervalInSeconds: 30'),
      ['hub chat: webSocketKeepAliveIntervalInSeconds 20 → 30'],
    ],
    [
      chat('eventHandlers: []'),
      chat(guarded, 'anonymousConnectPolicy: deny'),
      ['hub chat: eventHandlers, anonymousConnectPolicy'],
    ],
    [
      'limits: { maxConnections: 10 }',
      'limits: { maxConnections: 20, outboundQueueBytes: 5 }',
      ['limits.maxConnections 10 → 20', 'limits.outboundQueueBytes default → 5'],
    ],
    ['delivery: { lenientOriginList: true }', '{}', ['delivery.lenientOriginList true → default']],
    [
      'delivery: { retryDelaysInSeconds: [1] }',
      'delivery: { retryDelaysInSeconds: [1, 2] }',
      ['delivery.retryDelaysInSeconds'],
    ],
    ['hubs: {} # a', 'hubs: {} # b', []],
    ['hubs: {}', app('max_connections: 5'), ['app 42 added']],
    [app('max_connections: 5'), 'hubs: {}', ['app 42 removed']],
    [
      app('max_connections: 5', 'secret: s'),
      app('max_connections: 6', 'secret: t', 'enabled: false'),
      ['app 42: max_connections 5 → 6, secret, enabled default → false'],
    ],
    [app('max_connections: 5'), app('policy: { limits: { max_connections: 5 } }'), []],
    ['webhooks: { linger_ms: 5 }', 'webhooks: { linger_ms: 6 }', ['webhooks.linger_ms 5 → 6']],
    ['queue: { driver: file }', 'queue: { driver: memory }', ['queue.driver (effective after a restart)']],
    ['{}', 'cluster: { leaseSeconds: 30 }', ['cluster.leaseSeconds default → 30 (effective after a restart)']],
  ])('%j → %j', (before, after, lines) => {
    expect(changes(before, after)).toEqual({ lines, openings: [] });
  });

  test('no text of the file is in it: it may hold secrets', () => {
    const { lines } = changes(chat(guarded), chat(guarded.replace('s3cret', 's3cret2')));
    expect(lines).toEqual(['hub chat: eventHandlers']);
  });
});

describe('[newcomer F14] what opens a hub', () => {
  const anonymous = ['hub chat: clients may connect without a token now'];
  const unguarded = [
    'hub chat: no event handler receives `connect` any more, so every client with a valid token is admitted',
  ];

  test.each([
    [chat('anonymousConnectPolicy: deny'), chat('anonymousConnectPolicy: allow'), anonymous],
    ['hubs: {}', chat('anonymousConnectPolicy: allow'), anonymous],
    [chat('anonymousConnectPolicy: allow'), chat('anonymousConnectPolicy: allow', guarded), []],
    [chat('anonymousConnectPolicy: allow'), chat('anonymousConnectPolicy: deny'), []],
    [chat(guarded), chat('eventHandlers: []'), unguarded],
    [chat(guarded), 'hubs: {}', unguarded],
    [
      chat(guarded),
      chat(guarded.replace('[connect]', '[connected]'), 'anonymousConnectPolicy: allow'),
      [...anonymous, ...unguarded],
    ],
    [chat(guarded), chat(guarded.replace('http:', 'https:')), []],
  ])('%j → %j', (before, after, openings) => {
    expect(changes(before, after).openings).toEqual(openings);
  });
});
