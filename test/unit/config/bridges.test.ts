import { describe, expect, test } from 'vitest';
import { ConfigError, changesOf, parseConfig } from '../../../src/config/load.js';

function parse(text: string) {
  return parseConfig(text, { file: 'hubs.yaml', env: {} });
}

function refusal(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map(line => line.replace(/^hubs\.yaml:/, ''));
  }
  throw new Error('accepted');
}

/** Further lines of an app stand from line 7 on. */
function withApp(...lines: readonly string[]): string {
  const app = ['apps:', '  - id: a1', '    key: k1', '    secret: s1'];
  return ['hubs:', '  chat:', ...app, ...lines.map(line => `    ${line}`), ''].join('\n');
}

/** The rules stand from line 9 on. */
function withRules(...rules: readonly string[]): string {
  return withApp('hub: chat', 'bridge:', ...rules.map(rule => `  - ${rule}`));
}

describe('bridge', () => {
  test('a rule has its defaults, and the hub its canonical name', () => {
    const text = withApp('hub: CHAT', 'bridge:', '  - { group: news.*, channel: news-* }').replace('chat', 'Chat');
    expect(parse(text).apps.findById('a1')?.bridge).toEqual({
      app: 'a1',
      hub: 'chat',
      entries: [{ group: 'news.*', channel: 'news-*', direction: 'both', event: 'message' }],
      maxEventBytes: 10_240,
    });
  });

  test.each([
    [['hub: chta', 'bridge: []'], '7:10 apps[0].hub: is not one of `hubs`, did you mean `chat`?'],
    [
      ['hub: zzzzzzzz'],
      '7:10 apps[0].hub: is not one of `hubs`; add the hub there, if only as a name without settings',
    ],
    [
      ['bridge: [{ group: a, channel: b }]'],
      '7:5 apps[0].bridge: `bridge` needs a hub: add `hub` with the name of one of `hubs`',
    ],
    [
      ['connect_handler: true'],
      '7:5 apps[0].connect_handler: `connect_handler` needs a hub: add `hub` with the name of one of `hubs`',
    ],
    [
      ['hub: chat', 'connect_handler: true'],
      '8:5 apps[0].connect_handler: no event handler receives `connect`; add `connect` to the systemEvents of an event handler of hub `chat`, or remove this key',
    ],
  ])('%j', (lines, message) => {
    expect(refusal(withApp(...lines))).toEqual([message]);
  });

  test.each([
    [
      '{ group: a, channel: b, dirction: both }',
      '9:33 apps[0].bridge[0].dirction: unknown key `dirction`, did you mean `direction`?',
    ],
    ['{ group: a }', 'apps[0].bridge[0].channel: `channel` is missing: add the channel that the group is joined with'],
    ['{ group: a, channel: b, direction: to_chanel }', 'did you mean `to_channel`?'],
    ['{ group: a, channel: private-encrypted-b }', 'must not be an encrypted channel'],
    ['{ group: a, channel: "#server-to-user-b" }', 'must not be the channel of a user'],
    ['{ group: a, channel: b c }', 'must be a channel'],
    ['{ group: "a*b*", channel: "b*" }', 'must have at most one `*` or `**`'],
    ['{ group: "a?", channel: b }', '`?` and `\\` are not allowed'],
    ['{ group: ".", channel: b }', 'must be a group'],
    ['{ group: "a.*", channel: b }', 'apps[0].bridge[0].channel: must have the same wildcard as `group`'],
    ['{ group: "a.*", channel: "b-**" }', 'must have the same wildcard as `group`'],
    ['{ group: a, channel: b, event: "pusher:x" }', 'apps[0].bridge[0].event: must be the name of an event'],
  ])('%s', (rule, message) => {
    const lines = refusal(withRules(rule));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(message);
  });

  test.each([
    ['{ group: b, channel: x, direction: to_group }', '10:30 apps[0].bridge[1].channel: matches a channel'],
    ['{ group: "a", channel: y }', '10:18 apps[0].bridge[1].group: matches a group'],
    ['{ group: "**", channel: "y-**" }', '10:18 apps[0].bridge[1].group: matches a group'],
  ])('two rules that would make a loop, or pass a message on twice: %s', (second, message) => {
    const [line] = refusal(withRules('{ group: a, channel: x }', second));
    expect(line).toContain(message);
    expect(line).toContain('that apps[0].bridge[0] matches too');
  });

  test('a group may be joined with channels of several apps', () => {
    const second = ['  - { id: a2, key: k2, secret: s2, hub: chat, bridge: [{ group: a, channel: x }] }', ''].join(
      '\n',
    );
    const { apps } = parse(withRules('{ group: a, channel: x }') + second);
    expect(apps.all().map(({ bridge }) => bridge?.app)).toEqual(['a1', 'a2']);
  });
});

describe('a reload', () => {
  const handled = withApp('hub: chat', 'connect_handler: true').replace(
    '  chat:',
    '  chat: { eventHandlers: [{ urlTemplate: "http://127.0.0.1/{event}", systemEvents: [connect] }] }',
  );

  test('that takes connect_handler away says who is let in', () => {
    const { lines, openings } = changesOf(parse(handled), parse(handled.replace('true', 'false')));
    expect(lines).toEqual(['app a1: connect_handler true → false']);
    expect(openings).toEqual([
      'app a1: no event handler receives `connect` of its clients any more, so every client with a key is admitted',
    ]);
  });
});
