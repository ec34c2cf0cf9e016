import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type Config,
  ConfigError,
  defaultHubConfig,
  type Environment,
  loadConfig,
  maxConfigBytes,
  parseConfig,
} from '../../../src/config/load.js';
import { defaultDelivery } from '../../../src/upstream/options.js';

function parse(text: string, env: Environment = {}): Config {
  return parseConfig(text, { file: 'hubs.yaml', env });
}

/** The lines of the message that the text is refused with, without the file's name. */
function refusal(text: string, env: Environment = {}): readonly string[] {
  try {
    parse(text, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error).toMatchObject({ name: 'PubSubError', kind: 'invalid' });
    return error.message.split('\n').map(line => line.replace(/^hubs\.yaml:/, ''));
  }
  throw new Error('accepted');
}

/** A file with one hub, `chat`, and one handler, whose lines are given. The first of them is line 4. */
function withHandler(...lines: readonly string[]): string {
  const text = [
    'hubs:',
    '  chat:',
    '    eventHandlers:',
    ...lines.map((line, at) => `      ${at === 0 ? '- ' : '  '}${line}`),
  ].join('\n');
  return `${text}\n`;
}

/** `${NAME}` */
function variable(name: string): string {
  return `$\{${name}}`;
}

describe('a valid file', () => {
  test('[design 2] the example of the design', () => {
    const config = parse(
      `# yaml-language-server: $schema=./hubs.schema.json
hubs:
  chat:
    anonymousConnectPolicy: deny            # allow | deny (default)
    webSocketKeepAliveIntervalInSeconds: 30 # 1..120
    eventHandlers:                          # tried in order
      - urlTemplate: http://localhost:3000/api/{event}
        systemEvents: [connect, connected, disconnected]
        userEventPattern: "*"
      - urlTemplate: https://app.example.com/{hub}/{event}?code=${variable('CHAT_CODE')}
        userEventPattern: "vote, seat.pick"
        auth:
          type: ManagedIdentity
          managedIdentity: { resource: "api://chat-backend" }
`,
      { CHAT_CODE: 'k1' },
    );
    expect([...config.hubs]).toEqual([
      [
        'chat',
        {
          name: 'chat',
          anonymousConnectPolicy: 'deny',
          keepAliveIntervalMs: 30_000,
          eventHandlers: [
            {
              urlTemplate: 'http://localhost:3000/api/{event}',
              systemEvents: ['connect', 'connected', 'disconnected'],
              userEventPattern: '*',
              auth: { type: 'None' },
            },
            {
              urlTemplate: 'https://app.example.com/{hub}/{event}?code=k1',
              insertions: [{ start: 43, end: 45 }],
              systemEvents: [],
              userEventPattern: 'vote, seat.pick',
              auth: { type: 'ManagedIdentity', resource: 'api://chat-backend' },
            },
          ],
          webhooks: {},
        },
      ],
    ]);
  });

  test.each(['{}', 'hubs: {}', 'hubs: # none', 'hubs:\n', 'hubs:\ndelivery:\nlimits:\n'])(
    '[upstream-events 7.1] %j has the defaults',
    text => {
      const config = parse(text);
      expect(config.hubs.size).toBe(0);
      expect(config.delivery).toEqual(defaultDelivery);
      expect(config.dropOnUserEventFailure).toBe(false);
      expect(config.limits).toEqual({
        maxConnections: undefined,
        connectionsPerHub: undefined,
        connectionsPerAddress: undefined,
        connectsPerSecond: undefined,
        unauthenticatedConnections: 4_096,
        outboundQueueMessages: 1_000,
        outboundQueueBytes: 16_777_216,
        membershipsPerCall: 10_000_000,
      });
      expect(config.reliable).toEqual({ recoveryWindowMs: 30_000, finalCloseCodes: [1000] });
    },
  );

  test('[rest-api 6.1] a hub without settings has the defaults', () => {
    for (const text of ['hubs:\n  Chat:\n', 'hubs: { Chat: {} }', 'hubs: { Chat: { eventHandlers: } }']) {
      expect(parse(text).hubs.get('chat')).toEqual({ ...defaultHubConfig, name: 'Chat' });
    }
    expect(defaultHubConfig).toEqual({
      anonymousConnectPolicy: 'deny',
      keepAliveIntervalMs: 20_000,
      eventHandlers: [],
      webhooks: {},
    });
  });

  test('delivery and limits', () => {
    const config = parse(`delivery:
  timeoutInSeconds: 2.5
  retryDelaysInSeconds: [0, 0.25]
  lenientOriginList: true
  dropOnUserEventFailure: true
limits:
  maxConnections: 10
  connectionsPerHub: 4
  connectionsPerAddress: 5
  connectsPerSecond: 6
  unauthenticatedConnections: 7
  outboundQueueMessages: 2
  outboundQueueBytes: 3
  membershipsPerCall: 4
`);
    expect(config.delivery).toEqual({
      ...defaultDelivery,
      timeoutMs: 2_500,
      retryDelaysMs: [0, 250],
      lenientOriginList: true,
    });
    expect(config.dropOnUserEventFailure).toBe(true);
    expect(config.limits).toEqual({
      maxConnections: 10,
      connectionsPerHub: 4,
      connectionsPerAddress: 5,
      connectsPerSecond: 6,
      unauthenticatedConnections: 7,
      outboundQueueMessages: 2,
      outboundQueueBytes: 3,
      membershipsPerCall: 4,
    });
  });

  test('[client-protocols D3, D4] reliable sessions: a window of at least 30 s, and which closes are final', () => {
    const { reliable } = parse('reliable:\n  recoveryWindowInSeconds: 90\n  finalCloseCodes: [1000, 1001, 4000]\n');
    expect(reliable).toEqual({ recoveryWindowMs: 90_000, finalCloseCodes: [1000, 1001, 4000] });
    expect(parse('reliable:\n  finalCloseCodes: []\n').reliable.finalCloseCodes).toEqual([]);
    for (const text of ['recoveryWindowInSeconds: 29', 'finalCloseCodes: [999]', 'finalCloseCodes: 1000']) {
      expect(refusal(`reliable:\n  ${text}\n`)[0]).toContain(`reliable.${text.split(':')[0]}`);
    }
  });

  test('[upstream-events 5.1] words are accepted in any letter case and come out canonical', () => {
    const config = parse(
      `hubs:
  chat:
    anonymousConnectPolicy: Allow
    eventHandlers:
      - urlTemplate: http://h/
        systemEvents: [Connect, CONNECTED]
        auth: { type: managedidentity, managedIdentity: { resource: "api://x" } }
      - urlTemplate: http://h/
        auth: { type: none }
`,
    );
    const hub = config.hubs.get('chat');
    expect(hub?.anonymousConnectPolicy).toBe('allow');
    expect(hub?.eventHandlers[0]?.systemEvents).toEqual(['connect', 'connected']);
    expect(hub?.eventHandlers.map(handler => handler.auth.type)).toEqual(['ManagedIdentity', 'None']);
  });

  test('[UE-102] systemEvents left out, empty or blank means none', () => {
    for (const line of ['userEventPattern: a', 'systemEvents: []', 'systemEvents:']) {
      expect(
        parse(withHandler('urlTemplate: http://h/', line)).hubs.get('chat')?.eventHandlers[0]?.systemEvents,
      ).toEqual([]);
    }
  });

  test('[upstream-events 2.9] group events: off when left out, of all groups without filters', () => {
    const presenceOf = (...lines: string[]) =>
      parse(withHandler('urlTemplate: http://h/', ...lines)).hubs.get('chat')?.eventHandlers[0]?.groupPresenceEvents;
    for (const line of ['userEventPattern: a', 'groupPresenceEvents:']) expect(presenceOf(line)).toBeUndefined();
    expect(presenceOf('groupPresenceEvents: { eventNames: [Joined, left], groupFilters: [room, "chat-*"] }')).toEqual({
      eventNames: ['joined', 'left'],
      groupFilters: ['room', 'chat-*'],
    });
    expect(presenceOf('groupPresenceEvents: { eventNames: [left] }')).toEqual({
      eventNames: ['left'],
      groupFilters: [],
    });
    expect(presenceOf('groupPresenceEvents: { groupFilters: }')).toEqual({ eventNames: [], groupFilters: [] });
  });

  test('[upstream-events 2.9] [D07] a filter that is no pattern, or an event that is none, is refused', () => {
    const refused = (text: string) => refusal(withHandler('urlTemplate: http://h/', `groupPresenceEvents: ${text}`));
    for (const filter of ["''", 'a******', "'a\\'"]) {
      expect(refused(`{ eventNames: [joined], groupFilters: [${filter}] }`)).toEqual([
        expect.stringContaining('groupFilters[0]: is not a pattern of group names'),
      ]);
    }
    for (const name of ["'.'", "'..'", "' '"]) {
      expect(refused(`{ eventNames: [joined], groupFilters: [${name}] }`)).toEqual([
        expect.stringContaining('groupFilters[0]: is not a valid group name'),
      ]);
    }
    expect(refused('{ eventNames: [join] }')).toEqual([expect.stringContaining('did you mean `joined`?')]);
  });

  test('[upstream-events D38] hubs are found in lower case and keep their spelling', () => {
    const hubs = parse('hubs:\n  "My_Hub`,.[]1": {}\n').hubs;
    expect(hubs.get('my_hub`,.[]1')?.name).toBe('My_Hub`,.[]1');
  });

  test('[V17] anchors, aliases and merged keys may be used', () => {
    const hubs = parse(
      `hubs:
  a: &a
    anonymousConnectPolicy: allow
    eventHandlers: &handlers
      - urlTemplate: http://h/${variable('PART')}
  b:
    <<: *a
    anonymousConnectPolicy: deny
  c: { eventHandlers: *handlers }
`,
      { PART: 'x' },
    ).hubs;
    expect([...hubs.values()].map(hub => hub.eventHandlers[0]?.urlTemplate)).toEqual(Array(3).fill('http://h/x'));
    expect([...hubs.values()].map(hub => hub.anonymousConnectPolicy)).toEqual(['allow', 'deny', 'deny']);
  });

  test('[V17] a byte order mark and Windows line ends do no harm', () => {
    expect(parse('\ufeffhubs:\r\n  chat:\r\n').hubs.has('chat')).toBe(true);
  });

  test('a hub may have the name of a property that every object has', () => {
    expect([...parse('hubs:\n  constructor:\n  toString:\n').hubs.keys()]).toEqual(['constructor', 'tostring']);
  });

  test('[design 2] nothing in it can be changed', () => {
    const config = parse(`${withHandler('urlTemplate: http://h/', 'systemEvents: [connect]')}\n`);
    const handler = config.hubs.get('chat')?.eventHandlers[0];
    const parts = [config, config.hubs, config.delivery, config.delivery.retryDelaysMs, config.limits, handler];
    for (const part of [...parts, handler?.systemEvents, handler?.auth, config.hubs.get('chat'), defaultHubConfig]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    const open = config.hubs as Map<string, unknown>;
    for (const change of [() => open.set('x', {}), () => open.delete('chat'), () => open.clear()]) {
      expect(change).toThrow(TypeError);
    }
    expect(config.hubs.size).toBe(1);
    expect(Object.isFrozen(defaultDelivery.retryDelaysMs)).toBe(false);
  });
});

describe('callers', () => {
  test('[RA-017] [rest-api 1.4] everything that is left out has its default', () => {
    const defaults = {
      isLocalAuthDisabled: false,
      entra: { isDisabled: false, audiences: ['https://webpubsub.azure.com'], issuers: [] },
    };
    for (const text of [
      '{}',
      'auth:\n',
      'auth: {}',
      'auth: { entra: }',
      'auth: { entra: { issuers: , audiences: } }',
    ]) {
      expect(parse(text).callers).toEqual(defaults);
    }
  });

  test('[RA-017] [rest-api 1.4] as written', () => {
    const { callers } = parse(
      `auth:
  disableLocalAuth: true
  disableAadAuth: ${variable('NO_AAD')}
  entra:
    audiences: ["https://webpubsub.azure.cn"]
    issuers:
      - issuer: https://sts.windows.net/${variable('TENANT')}/
      - { issuer: "https://login.example/v2.0", jwksUri: "http://[::1]:8090/keys" }
`,
      { NO_AAD: 'false', TENANT: 't-1' },
    );
    expect(callers).toEqual({
      isLocalAuthDisabled: true,
      entra: {
        isDisabled: false,
        audiences: ['https://webpubsub.azure.cn'],
        issuers: [
          { issuer: 'https://sts.windows.net/t-1/', jwksUri: undefined },
          { issuer: 'https://login.example/v2.0', jwksUri: 'http://[::1]:8090/keys' },
        ],
      },
    });
    expect([callers, callers.entra, callers.entra.issuers, callers.entra.issuers[0]].every(Object.isFrozen)).toBe(true);
  });

  test.each([
    ['issuer: http://login.example/', 'issuer'],
    ['issuer: http://127.0.0.1.login.example/', 'issuer'],
    ['issuer: http://localhost@login.example/', 'issuer'],
    ['issuer: login.example', 'issuer'],
    ['issuer: https://', 'issuer'],
    ['issuer: https:///path', 'issuer'],
    ['jwksUri: https://login.example/keys', 'issuer'],
    ['{ issuer: "https://login.example", jwksUri: "http://login.example/keys" }', 'jwksUri'],
    ['{ issuer: "https://login.example", jwksUri: "ftp://localhost/keys" }', 'jwksUri'],
  ])('an issuer of %s is refused, where it stands', (line, field) => {
    const [problem] = refusal(`auth:\n  entra:\n    issuers:\n      - ${line}\n`);
    expect(problem).toContain(`auth.entra.issuers[0].${field}`);
  });

  test.each([
    'https://u:s3cret@login.example/',
    'https://s3cret@login.example/',
    'http://u:s3cret@127.0.0.1:1/keys',
    'http://localhost:s3cret@login.example/',
  ])('a user or password is the reason told for %s, and not shown', text => {
    const reason = 'the URL contains a user name or password before the host; remove it';
    for (const [line, place] of [
      [`issuer: "${text}"`, 'issuer'],
      [`{ issuer: "https://login.example", jwksUri: "${text}" }`, 'jwksUri'],
    ]) {
      const [problem = '', ...more] = refusal(`auth:\n  entra:\n    issuers:\n      - ${line}\n`);
      expect([problem.split(' ').slice(1).join(' '), more]).toEqual([`auth.entra.issuers[0].${place}: ${reason}`, []]);
    }
  });

  test('settings that are none of ours are refused', () => {
    expect(refusal('auth: { disableLocalAuths: true }')[0]).toContain('did you mean');
    expect(refusal('auth: { disableLocalAuth: maybe }')).toHaveLength(1);
    expect(refusal('auth: { entra: { issuers: [{ issuer: "https://a", secret: s }] } }')).toHaveLength(1);
  });
});

describe('environment variables', () => {
  test('[design 2] several in one text, quoted or not', () => {
    const env = { HOST: 'h', PORT: '3000', C: 'k' };
    const url = `http://${variable('HOST')}:${variable('PORT')}/{event}?code=${variable('C')}`;
    for (const written of [url, `"${url}"`, `'${url}'`, `>-\n          ${url}`]) {
      const handler = parse(withHandler(`urlTemplate: ${written}`), env).hubs.get('chat')?.eventHandlers[0];
      expect(handler?.urlTemplate).toBe('http://h:3000/{event}?code=k');
    }
  });

  test('a value is never read as YAML, nor for further variables', () => {
    const env = { R: `x"\n    anonymousConnectPolicy: allow # ${variable('OTHER')}`, OTHER: 'no' };
    const auth = `auth: { type: ManagedIdentity, managedIdentity: { resource: "${variable('R')}" } }`;
    const hub = parse(withHandler('urlTemplate: http://h/', auth), env).hubs.get('chat');
    expect(hub?.anonymousConnectPolicy).toBe('deny');
    expect(hub?.eventHandlers[0]?.auth).toEqual({ type: 'ManagedIdentity', resource: env.R });
  });

  test('`$$` before a brace keeps the text as it is', () => {
    const auth = `auth: { type: ManagedIdentity, managedIdentity: { resource: "$${variable('A')}-$$${variable('B')}-$x" } }`;
    const handler = parse(withHandler('urlTemplate: http://h/', auth)).hubs.get('chat')?.eventHandlers[0];
    expect(handler?.auth).toEqual({ type: 'ManagedIdentity', resource: `${variable('A')}-$${variable('B')}-$x` });
  });

  test('a whole one fills in numbers, booleans and words', () => {
    const config = parse(
      `hubs:
  chat:
    anonymousConnectPolicy: ${variable('POLICY')}
    webSocketKeepAliveIntervalInSeconds: ${variable('SECONDS')}
delivery:
  timeoutInSeconds: ${variable('TIMEOUT')}
  lenientOriginList: ${variable('LENIENT')}
`,
      { POLICY: 'ALLOW', SECONDS: '45', TIMEOUT: ' 1.5\n', LENIENT: 'True' },
    );
    expect(config.hubs.get('chat')).toMatchObject({ anonymousConnectPolicy: 'allow', keepAliveIntervalMs: 45_000 });
    expect(config.delivery).toMatchObject({ timeoutMs: 1_500, lenientOriginList: true });
  });

  test('[V08] in quotes, and so in a list in brackets, it fills in a number as well', () => {
    const config = parse(
      `limits:\n  maxConnections: "${variable('N')}"\ndelivery:\n  retryDelaysInSeconds: ['${variable('N')}', 2]\n`,
      { N: '5' },
    );
    expect([config.limits.maxConnections, config.delivery.retryDelaysMs]).toEqual([5, [5_000, 2_000]]);
    expect(refusal(`limits:\n  maxConnections: "${variable('N')}"\n`, { N: 'many' })).toEqual([
      `2:19 limits.maxConnections: the value of ${variable('N')} must be a whole number of at least 1`,
    ]);
    expect(refusal('limits:\n  maxConnections: "5"\n')).toEqual([
      '2:19 limits.maxConnections: must be a whole number of at least 1, without quotes',
    ]);
  });

  test.each([
    ['delivery:\n  retryDelaysInSeconds: [V, 2]\n', '2:26 delivery.retryDelaysInSeconds[0]'],
    ['delivery:\n  retryDelaysInSeconds: [2, V]\n', '2:29 delivery.retryDelaysInSeconds[1]'],
    ['delivery: { timeoutInSeconds: V }\nlimits:\n  maxConnections: 1\n', '1:31 delivery.timeoutInSeconds'],
    [withHandler('urlTemplate: http://h/', 'systemEvents: [a-V]'), '5:26 hubs.chat.eventHandlers[0].systemEvents[0]'],
  ])('[V08] without quotes in brackets it is refused, once, with what to write: %j', (text, place) => {
    const hint = `within [ ] and { } a value with a variable must be quoted: "${variable('NAME')}"`;
    const [line, ...more] = refusal(text.replace('V', variable('A')), { A: '1' });
    expect([line?.replace(/^(\d+:)\d+/, '$1'), more]).toEqual([`${place.replace(/^(\d+:)\d+/, '$1')}: ${hint}`, []]);
  });

  test.each([
    ['http://host:V/api', 'V'],
    ['http://V/api', 'V'],
    ['http://h/V', 'V'],
    ['V', 'V'],
  ])('[V07] an empty one within the URL %s is named', written => {
    const text = withHandler(`urlTemplate: ${written.replace('V', variable('APP_PORT'))}`, 'systemEvents: [connect]');
    expect(refusal(text, { APP_PORT: '' })).toEqual([
      '4:22 hubs.chat.eventHandlers[0].urlTemplate: environment variable APP_PORT is empty, so a part of the URL is missing; set the variable',
    ]);
  });

  test('[V07] likewise in the URL of an issuer, but not where a text may be empty', () => {
    const issuer = `auth: { entra: { issuers: [{ issuer: "https://sts.windows.net/${variable('TENANT')}/" }] } }`;
    expect(refusal(issuer, { TENANT: '' })).toEqual([
      '1:38 auth.entra.issuers[0].issuer: environment variable TENANT is empty, so a part of the URL is missing; set the variable',
    ]);
    const pattern = withHandler('urlTemplate: http://h/', `userEventPattern: ${variable('EVENTS')}`);
    expect(parse(pattern, { EVENTS: '' }).hubs.get('chat')?.eventHandlers[0]?.userEventPattern).toBe('');
  });

  test('a missing one is named, with its line; its field has no second complaint', () => {
    const text = `${withHandler(`urlTemplate: ${variable('A')}${variable('B')}`)}limits:\n  maxConnections: ${variable('C')}`;
    expect(refusal(text).map(line => line.split(' is not set')[0])).toEqual([
      '4:22 hubs.chat.eventHandlers[0].urlTemplate: environment variable A',
      '4:22 hubs.chat.eventHandlers[0].urlTemplate: environment variable B',
      '6:19 limits.maxConnections: environment variable C',
    ]);
  });

  test('a missing one that several hubs share is named once', () => {
    const text = `hubs:\n  a: &a\n    webSocketKeepAliveIntervalInSeconds: ${variable('N')}\n  b: *a\n`;
    expect(refusal(text)).toHaveLength(1);
  });

  test.each(['}', 'A-B}', 'A', '1}', 'A:-x}'])('the name of one does not begin %s', text => {
    expect(refusal(withHandler(`urlTemplate: "http://h/$\{${text}"`), { A: 's3cret' })[0]).toMatch(
      /^4:22 .*: a variable name and `}` must follow/,
    );
  });

  test('a variable is one of the environment, not of every object', () => {
    expect(refusal(withHandler(`urlTemplate: http://h/${variable('constructor')}`))[0]).toContain(
      'constructor is not set',
    );
  });

  test('no message shows a value', () => {
    const secret = 's3cret with {brace} # and * ';
    const fields = [
      withHandler(`urlTemplate: ${variable('S')}`),
      withHandler(`urlTemplate: http://${variable('S')}/`),
      withHandler(`urlTemplate: http://h/?code=${variable('S')}`),
      withHandler(`urlTemplate: http://h/{${variable('S')}}`),
      withHandler(`urlTemplate: http://u:${variable('S')}@h/`),
      withHandler('urlTemplate: http://h/', `userEventPattern: ${variable('S')}`),
      withHandler('urlTemplate: http://h/', `userEventPattern: a,${variable('S')}`),
      withHandler('urlTemplate: http://h/', `systemEvents: ["${variable('S')}"]`),
      withHandler('urlTemplate: http://h/', `auth: ${variable('S')}`),
      withHandler('urlTemplate: http://h/', `auth: { type: "${variable('S')}" }`),
      `hubs: ${variable('S')}`,
      `hubs:\n  chat:\n    anonymousConnectPolicy: ${variable('S')}`,
      `limits:\n  maxConnections: ${variable('S')}`,
      `delivery:\n  lenientOriginList: ${variable('S')}`,
    ];
    for (const text of fields) {
      const message = refusal(text, { S: secret }).join('\n');
      expect(message).not.toMatch(/s3cret|brace}/);
    }
  });
});

describe('what is wrong is told with its place', () => {
  test('[design 2] all problems at once, in the order of the file', () => {
    const text = `hubs:
  chat:
    anonymousConnectPolicy: alow
    webSocketKeepAliveIntervalInSeconds: 121
    eventHandlers:
      - urlTemplat: http://h/
      - urlTemplate: ftp://h/
        systemEvents: [connect, disconect]
        userEventPattern: "a*"
  Chat:
limits: { maxConnections: 0 }
`;
    expect(refusal(text)).toEqual([
      '3:29 hubs.chat.anonymousConnectPolicy: must be one of `allow`, `deny`, did you mean `allow`?',
      '4:42 hubs.chat.webSocketKeepAliveIntervalInSeconds: must be a whole number from 1 to 120',
      '6:9 hubs.chat.eventHandlers[0].urlTemplate: `urlTemplate` is missing: add the URL that receives the events',
      '6:9 hubs.chat.eventHandlers[0].urlTemplat: unknown key `urlTemplat`, did you mean `urlTemplate`?',
      '7:22 hubs.chat.eventHandlers[1].urlTemplate: the URL is not absolute; write `http://host/path` or `https://host/path`',
      '8:33 hubs.chat.eventHandlers[1].systemEvents[1]: must be one of `connect`, `connected`, `disconnected`, did you mean `disconnected`?',
      '9:27 hubs.chat.eventHandlers[1].userEventPattern: the event name "a*" contains a wildcard; write `*` alone for every event, or full names',
      '10:3 hubs.Chat: the same hub as `chat`: hub names are case-insensitive; remove one',
      '11:27 limits.maxConnections: must be a whole number of at least 1',
    ]);
  });

  test('the error carries the same as data', () => {
    expect(() => parse('hubs:\n  chat: 5\n')).toThrow(
      expect.objectContaining({
        problems: [
          { file: 'hubs.yaml', line: 2, column: 9, path: 'hubs.chat', reason: expect.stringContaining('mapping') },
        ],
      }),
    );
  });

  test.each([
    ['hub: {}', '1:1 hub: unknown key `hub`, did you mean `hubs`?'],
    [
      'hubs:\n  chat:\n    EventHandlers: []',
      '3:5 hubs.chat.EventHandlers: unknown key `EventHandlers`, did you mean `eventHandlers`?',
    ],
    [
      'hubs:\n  c:\n    groupPresenceEvents: {}',
      '3:5 hubs.c.groupPresenceEvents: unknown key `groupPresenceEvents`; known keys are `anonymousConnectPolicy`',
    ],
    ['x: 1', '1:1 x: unknown key `x`; known keys are `hubs`, `delivery`, `limits`'],
    ['limits:\n  __proto__: 1', '2:3 limits.__proto__: unknown key `__proto__`; known keys are'],
    ['limits:\n  constructor: 1', '2:3 limits.constructor: unknown key `constructor`; known keys are'],
    [
      'hubs:\n  c:\n    eventListeners: []',
      '3:5 hubs.c.eventListeners: `eventListeners` is not supported by this version',
    ],
    ['"a b": 1', '1:1 ["a b"]: unknown key "a b"; known keys are'],
  ])('an unknown key: %j', (text, line) => {
    expect(refusal(text)).toEqual([expect.stringContaining(line)]);
  });

  test.each(['1chat', '_chat', 'a b', 'a-b', `a${'b'.repeat(128)}`, '"a\\nb"'])(
    '[upstream-events 5.4] hub name %s',
    name => {
      expect(refusal(`hubs:\n  ${name}: {}`)).toEqual([expect.stringMatching(/^2:3 .* is not a valid hub name/)]);
    },
  );

  test.each([
    ['[]', '1:1: must be a mapping'],
    ['hubs: []', '1:7 hubs: must be a mapping'],
    ['hubs: { a: { eventHandlers: {} } }', '1:29 hubs.a.eventHandlers: must be a list'],
    ['hubs: { a: { eventHandlers: [null] } }', '1:30 hubs.a.eventHandlers[0]: must be a mapping'],
    ['hubs: { a: { webSocketKeepAliveIntervalInSeconds: 1.5 } }', 'must be a whole number from 1 to 120'],
    [
      'hubs: { a: { webSocketKeepAliveIntervalInSeconds: } }',
      '1:14 hubs.a.webSocketKeepAliveIntervalInSeconds: must be',
    ],
    ['delivery: { timeoutInSeconds: 0 }', '1:31 delivery.timeoutInSeconds: must be a number above 0, up to 3600'],
    ['delivery: { timeoutInSeconds: .inf }', 'must be a number above 0'],
    ['delivery: { retryDelaysInSeconds: [1, x] }', '1:39 delivery.retryDelaysInSeconds[1]: must be a number from 0'],
    ['delivery: { retryDelaysInSeconds: [1,1,1,1,1,1,1,1,1,1,1] }', 'must be a list of at most 10'],
    ['delivery: { lenientOriginList: yes }', '1:32 delivery.lenientOriginList: must be `true` or `false`, without'],
    [withHandler('urlTemplate: 5'), '4:22 hubs.chat.eventHandlers[0].urlTemplate: must be a string'],
    [
      withHandler('urlTemplate: http://h/', 'systemEvents: [connect, Connect]'),
      '5:33 hubs.chat.eventHandlers[0].systemEvents[1]: is listed twice',
    ],
    ['hubs: { "a.b": 1 }', '1:16 hubs["a.b"]: must be a mapping'],
  ])('a wrong value: %j', (text, line) => {
    expect(refusal(text)).toEqual([expect.stringContaining(line)]);
  });

  test.each([
    [
      '{ type: ManagedIdentity }',
      '5:15 hubs.chat.eventHandlers[0].auth.managedIdentity: `managedIdentity` is missing: type ManagedIdentity needs',
    ],
    ['{ type: managedIdentity, managedIdentity: }', 'auth.managedIdentity: must be a mapping'],
    [
      '{ type: ManagedIdentity, managedIdentity: {} }',
      'auth.managedIdentity.resource: `resource` is missing: type ManagedIdentity needs the audience',
    ],
    [
      '{ type: ManagedIdentity, managedIdentity: { resource: "" } }',
      'auth.managedIdentity.resource: must not be empty',
    ],
    [
      '{ managedIdentity: { resource: "api://x" } }',
      'auth.managedIdentity: must be left out unless `type` is `ManagedIdentity`',
    ],
    ['{ type: None, managedIdentity: { resource: "api://x" } }', 'auth.managedIdentity: must be left out unless'],
    [
      '{ type: Basic, managedIdentity: { resource: "api://x" } }',
      'auth.type: must be one of `None`, `ManagedIdentity`',
    ],
  ])('[upstream-events 6.1] auth: %s', (auth, line) => {
    expect(refusal(withHandler('urlTemplate: http://h/', `auth: ${auth}`))).toEqual([expect.stringContaining(line)]);
  });

  test('[UE-105] a parameter in the host', () => {
    expect(refusal(withHandler('urlTemplate: "http://{hub}.example.com/"'))).toEqual([
      expect.stringContaining('4:22 hubs.chat.eventHandlers[0].urlTemplate: the host or port contains a parameter'),
    ]);
  });

  test('what stands behind an alias or a merged key is told where it is written, once', () => {
    const text = `hubs:
  a: &a
    anonymousConnectPolicy: maybe
  b: *a
  c:
    <<: *a
`;
    expect(refusal(text)).toEqual([expect.stringMatching(/^3:29 hubs\.a\.anonymousConnectPolicy: /)]);
    expect(refusal(text.replace('hubs:', 'limits:'))).not.toContain(expect.stringContaining(':0'));
  });

  test('a long list of problems is cut in the message, not in the data', () => {
    const text = `hubs:\n${Array.from({ length: 60 }, (_, at) => `  h${at}: 5\n`).join('')}`;
    const lines = refusal(text);
    expect([lines.length, lines.at(-1)]).toEqual([51, 'and 10 more']);
    expect(() => parse(text)).toThrow(expect.objectContaining({ problems: expect.objectContaining({ length: 60 }) }));
  });
});

describe('[F8] a file that has lost its content', () => {
  test.each(['', ' \n\n', '\ufeff', '# nothing\n', 'null', '~\n', '---\n', '--- # x\n...\n'])('%j is refused', text => {
    expect(refusal(text)).toEqual(['1:1: the file is empty; write `hubs: {}` if no hub needs settings']);
  });

  const guarded = withHandler(
    'urlTemplate: http://localhost:3000/api',
    'systemEvents: [connect]',
    'userEventPattern: "*"',
  );

  test('cut off in the middle of any line, it is refused, or its hub is guarded as before', () => {
    /** Undefined: refused. */
    const isGuarded = (text: string) => {
      try {
        return parse(text).hubs.get('chat')?.eventHandlers[0]?.systemEvents.includes('connect');
      } catch (error) {
        if (error instanceof ConfigError) return undefined;
        throw error;
      }
    };
    const cuts = Array.from(guarded, (_, at) => guarded.slice(0, at + 1)).filter(text => !/\n *$/.test(text));
    expect(cuts.filter(text => isGuarded(text) === false)).toEqual([]);
    expect(cuts.filter(text => isGuarded(text) === undefined).length).toBeGreaterThan(90);
  });

  test('what is missing is told, and that a line break would do', () => {
    expect(refusal('hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: http://loc')).toEqual([
      '4:9 hubs.chat.eventHandlers[0]: the file ends here in the middle of a line and seems to be truncated: the handler receives no events; add what is missing, or end the last line with a line break',
    ]);
    expect(refusal('hubs:\n  chat:')).toEqual([
      '2:3 hubs.chat: the file ends here in the middle of a line and seems to be truncated: the key has no value; add what is missing, or end the last line with a line break',
    ]);
    expect(parse('hubs:\n  chat:\n').hubs.has('chat')).toBe(true);
  });

  test('a whole file needs no line break at its end', () => {
    expect(parse(guarded.trimEnd()).hubs.size).toBe(1);
    expect(parse('{"hubs":{"chat":{"eventHandlers":[{"urlTemplate":"http://h/"}]}}}').hubs.size).toBe(1);
  });
});

describe('[D16] a text without quotes that YAML takes for something else', () => {
  const place = '5:27 hubs.chat.eventHandlers[0].userEventPattern: ';
  const written = (text: string) =>
    refusal(withHandler('urlTemplate: http://h/', `userEventPattern: ${text}`, 'systemEvents: [connect]'));

  test.each(['*', '&', '!', '%', '@'])('%s alone', sign => {
    for (const text of [sign, `${sign} `, `${sign} # all`]) {
      expect(written(text)).toEqual([`${place}\`${sign}\` must be quoted: "${sign}"`]);
    }
  });

  test('a backtick alone', () => {
    expect(written('`')).toEqual([`${place}a backtick must be quoted: "\`"`]);
  });

  test.each(['&x', '%x', '@x', '& x'])('%s', text => {
    const [sign] = text;
    expect(written(text)).toEqual([`${place}a value that starts with \`${sign}\` must be quoted: "${sign}…"`]);
  });

  test.each(['*foo*', '*.chat'])('%s', text => {
    expect(written(text)).toEqual([
      `${place}the alias refers to no anchor above it; a value that starts with \`*\` must be quoted: "*…"`,
    ]);
  });

  test('`!x` is a tag', () => {
    expect(written('!x')).toEqual([
      `${place}the \`!\` tag is unknown or does not fit; remove it, or put the value in quotes`,
    ]);
  });

  test('in a list, the item is named', () => {
    const filters = (list: string) =>
      refusal(
        withHandler('urlTemplate: http://h/', `groupPresenceEvents: { eventNames: [joined], groupFilters: ${list} }`),
      );
    const at = 'hubs.chat.eventHandlers[0].groupPresenceEvents.groupFilters';
    expect(filters('[room, *]')[0]).toContain(`${at}[1]: \`*\` must be quoted: "*"`);
    expect(filters('[*, room]')[0]).toContain(`${at}[0]: \`*\` must be quoted: "*"`);
    expect(refusal('hubs:\n  - *\n')[0]).toBe('2:5 hubs[0]: `*` must be quoted: "*"');
  });
});

describe('[V17] what is not YAML', () => {
  test.each([
    ['a tab', 'hubs:\n\tchat: {}', '2:1: a tab is used for indentation'],
    ['a duplicate key', 'hubs:\n  chat: {}\n  chat: {}', '3:3: the key occurs twice'],
    [
      'a text that ends too early',
      'hubs:\n  chat:\n    eventHandlers:\n      - urlTemplate: "http://h',
      '4:31: something is missing',
    ],
    [
      'an unclosed list',
      'hubs:\n  a:\n    x: [1, 2\n  b: {}\nlimits: {}',
      '3:8: the bracket `[` is not closed; write the `]`',
    ],
    ['an unclosed mapping', 'hubs: {a: {}\nlimits: {}', '1:7: the bracket `{` is not closed; write the `}`'],
    ['a list that a mapping ends', 'hubs: {a: [1, 2}\nlimits: {}', '1:11: the bracket `[` is not closed'],
    ['wrong indentation', 'hubs:\n    a: {}\n  b: {}', '3:1: the indentation does not fit'],
    ['a second document', 'hubs: {}\n---\nhubs: {}', '2:1: a second document'],
    ['an unknown tag', 'hubs: !secret x', '1:7 hubs: the `!` tag is unknown'],
    [
      'an alias of nothing',
      'hubs: *x',
      '1:7 hubs: the alias refers to no anchor above it; a value that starts with `*` must be quoted',
    ],
    ['an alias of itself', 'hubs: &x [*x]', '1:11 hubs[0]: the alias is inside'],
    ['a merge into itself', 'hubs:\n  a: &x\n    <<: *x', '3:9 hubs.a["<<"]: the alias is inside'],
    ['a merge of no mapping', 'hubs:\n  <<: 5', 'cannot be resolved'],
    ['a merge of no mapping within a key', '? { <<: 5 }\n: @x\n', '2:3 ["[…]"]["<<"]: a value that starts with `@`'],
  ])('%s', (_, text, line) => {
    expect(refusal(text)[0]).toContain(line);
  });

  test('no message quotes the text, which may hold a secret', () => {
    for (const text of [
      'a: "s3cret',
      'a: @s3cret',
      'a: b: s3cret',
      '*s3cret',
      '!s3cret x',
      'a: {s3cret',
      '- s3cret\nb',
      '%s3cret',
    ]) {
      expect(refusal(text).join('\n')).not.toContain('s3cret');
    }
  });

  test('aliases that multiply', () => {
    const levels = 'bcdefghi'.split('').map((name, at) => {
      return `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(',')}]`;
    });
    expect(refusal(['a: &a [x]', ...levels].join('\n'))[0]).toContain('expand to too many values');
  });

  test('more aliases than anybody writes', () => {
    expect(refusal(`a: &a x\nb:\n${'- *a\n'.repeat(10_001)}`)[0]).toContain('more than 10000 aliases');
  });

  test.each(['- [a\n', '- {a: 1\n'])('20,000 brackets that are not closed, one beside the other: %j', text => {
    const found = refusal(text.repeat(20_000));
    const bracket = text.charAt(2);
    expect(found[0]).toContain(`1:3: the bracket \`${bracket}\` is not closed`);
    expect(found[49]).toContain(`50:3: the bracket \`${bracket}\` is not closed`);
    expect(found[50]).toBe('and 19950 more');
  });

  test.each(['[', '{a: ', '- '])('deep nesting: %j', text => {
    expect(refusal(text.repeat(20_000)).join('\n')).toContain('nested too deeply');
  });
});

describe('reading the file', () => {
  async function temporaryFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'config-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    return folder;
  }

  async function fileOf(content: string | Buffer): Promise<string> {
    const file = join(await temporaryFolder(), 'hubs.yaml');
    await writeFile(file, content);
    return file;
  }

  test('a file is read with the environment that is given', async () => {
    const file = await fileOf(withHandler(`urlTemplate: http://h/${variable('PART')}`));
    const config = await loadConfig(file, { PART: 'x' });
    expect(config.hubs.get('chat')?.eventHandlers[0]?.urlTemplate).toBe('http://h/x');
  });

  test('problems name the file as it was given', async () => {
    const file = await fileOf('hubs: 5');
    await expect(loadConfig(file, {})).rejects.toThrow(`${file}:1:7 hubs: must be`);
  });

  test('a missing file, a directory, a large file and other bytes than UTF-8', async () => {
    const folder = await temporaryFolder();
    const large = await fileOf(Buffer.alloc(maxConfigBytes + 1, '#'));
    const latin = await fileOf(Buffer.from('# caf\xe9', 'latin1'));
    await expect(loadConfig(join(folder, 'none.yaml'), {})).rejects.toThrow('the file does not exist; create it');
    await expect(loadConfig(folder, {})).rejects.toThrow('this is a directory; choose a YAML file');
    await expect(loadConfig(large, {})).rejects.toThrow('larger than 1 MiB');
    await expect(loadConfig(latin, {})).rejects.toThrow('not UTF-8');
    for (const file of [folder, large, latin]) await expect(loadConfig(file, {})).rejects.toBeInstanceOf(ConfigError);
  });

  test('a file of just the largest size is read', async () => {
    await expect(loadConfig(await fileOf(`{}${' '.repeat(maxConfigBytes - 2)}`), {})).resolves.toBeDefined();
  });
});
