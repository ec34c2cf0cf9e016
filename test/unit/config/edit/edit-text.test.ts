import { describe, expect, test } from 'vitest';
import { editing } from '../../../../src/config/edit/edit-text.js';
import { YamlText } from '../../../../src/config/edit/yaml-text.js';
import { callers } from '../../../../src/config/schema/callers.js';
import { hub as schema } from '../../../../src/config/schema/hub.js';
import { edited as editedYaml } from '../../../support/edited.js';

type Settings = Readonly<Record<string, unknown>>;

const edit = (text: string, name: string, settings: Settings | undefined) => {
  return editedYaml(new YamlText(text), ['hubs', name], schema, settings).text;
};
const allow = { anonymousConnectPolicy: 'allow' };
const handler = (url: string, more: Settings = {}) => ({ urlTemplate: url, ...more });
const handlers = (...list: Settings[]) => ({ eventHandlers: list });

describe('[MG-001] a new hub', () => {
  test.each<[string, string, Settings, string]>([
    ['without hubs', 'limits: {}\n', {}, 'limits: {}\nhubs:\n  new: {}\n'],
    ['without anything', '# note\n{}\n', allow, '# note\nhubs:\n  new:\n    anonymousConnectPolicy: allow\n'],
    ['as the first', 'hubs: {} # none\nlimits: {}\n', {}, 'hubs: # none\n  new: {}\nlimits: {}\n'],
    [
      'as the first, below a comment',
      'hubs:\n  # none yet\nlimits: {}\n',
      {},
      'hubs:\n  new: {}\n  # none yet\nlimits: {}\n',
    ],
    [
      'behind comments that belong to the last',
      'hubs:\n  a:\n    # empty\n\n# end\n',
      {},
      'hubs:\n  a:\n    # empty\n  new: {}\n\n# end\n',
    ],
    ['at the end of a file without a line break', 'hubs:\n  a: {}', {}, 'hubs:\n  a: {}\n  new: {}\n'],
    [
      'with other indentation',
      'hubs:\n    a:\n        anonymousConnectPolicy: allow\n',
      allow,
      'hubs:\n    a:\n        anonymousConnectPolicy: allow\n    new:\n        anonymousConnectPolicy: allow\n',
    ],
    [
      'with lists as they are written there',
      'hubs:\n  a:\n    eventHandlers:\n    - urlTemplate: http://a\n',
      handlers(handler('http://b', { systemEvents: ['connect'] })),
      'hubs:\n  a:\n    eventHandlers:\n    - urlTemplate: http://a\n  new:\n    eventHandlers:\n    - urlTemplate: http://b\n      systemEvents: [connect]\n',
    ],
    ['before the end of the document', '---\nhubs:\n  a: {}\n...\n', {}, '---\nhubs:\n  a: {}\n  new: {}\n...\n'],
    [
      'in brackets',
      'hubs: { a: {} } # all\n',
      handlers(handler('http://b, c?x=[1]')),
      'hubs: { a: {}, new: {eventHandlers: [{urlTemplate: "http://b, c?x=[1]"}]} } # all\n',
    ],
    ['in brackets over several lines', 'hubs: {\n  a: {} # one\n}\n', {}, 'hubs: {\n  a: {}, # one\n  new: {}\n}\n'],
    ['in JSON of one line', '{"hubs":{"a":{}}}', allow, '{"hubs":{"a":{}, "new":{"anonymousConnectPolicy":"allow"}}}'],
    [
      'in JSON',
      '{\n  "hubs": {\n    "a": {}\n  }\n}\n',
      allow,
      '{\n  "hubs": {\n    "a": {},\n    "new": {\n      "anonymousConnectPolicy": "allow"\n    }\n  }\n}\n',
    ],
    ['in JSON without hubs', '{}', allow, '{"hubs":{"new":{"anonymousConnectPolicy":"allow"}}}'],
    [
      'in the YAML of before',
      '%YAML 1.1\n---\nhubs:\n  a: {}\n',
      handlers(handler('http://b', { userEventPattern: 'yes' })),
      '%YAML 1.1\n---\nhubs:\n  a: {}\n  new:\n    eventHandlers:\n      - urlTemplate: http://b\n        userEventPattern: "yes"\n',
    ],
  ])('%s', (_, before, settings, after) => {
    expect(edit(before, 'new', settings)).toBe(after);
  });
});

const written = `hubs:
  chat: # the chat
    # about the policy
    anonymousConnectPolicy: 'allow' # quoted

    eventHandlers: # in order
      # about the first
      - urlTemplate: "http://a"   # a
        systemEvents: [connect, connected] # two
        userEventPattern: >-
          long,
          longer
        # at the end of the first

      # about the second
      - urlTemplate: http://b
  # about the next
  next: {}
`;
const first = handler('http://a', { systemEvents: ['connect', 'connected'], userEventPattern: 'long, longer' });
const second = handler('http://b');
const settings = { ...allow, eventHandlers: [first, second] };

describe('[MG-001] a change leaves the lines that it does not concern', () => {
  test.each<[string, Settings, string, string]>([
    ['nothing', settings, '', ''],
    [
      'a word, in the same quotes',
      { ...settings, anonymousConnectPolicy: 'deny', webSocketKeepAliveIntervalInSeconds: 9 },
      "\n    anonymousConnectPolicy: 'allow' # quoted",
      '',
    ],
    [
      'a URL',
      { ...settings, eventHandlers: [{ ...first, urlTemplate: 'http://c' }, second] },
      '"http://a"   # a',
      '"http://c"   # a',
    ],
    [
      'a list, longer',
      { ...settings, eventHandlers: [{ ...first, systemEvents: ['connect', 'connected', 'disconnected'] }, second] },
      '[connect, connected] # two',
      '[connect, connected, disconnected] # two',
    ],
    [
      'a list, shorter',
      { ...settings, eventHandlers: [{ ...first, systemEvents: ['connected'] }, second] },
      '[connect, connected] # two',
      '[connected] # two',
    ],
    [
      'a text over several lines',
      { ...settings, eventHandlers: [{ ...first, userEventPattern: 'x' }, second] },
      'userEventPattern: >-\n          long,\n          longer\n',
      'userEventPattern: x\n',
    ],
    ['a handler less', { ...settings, eventHandlers: [first] }, '\n      - urlTemplate: http://b', ''],
    [
      'the first handler less',
      { ...settings, eventHandlers: [second] },
      written.slice(written.indexOf('      - urlTemplate: "'), written.indexOf('\n      # about the second')),
      '',
    ],
    [
      'a handler more at the end',
      { ...settings, eventHandlers: [first, second, handler('http://c')] },
      'http://b\n',
      'http://b\n      - urlTemplate: http://c\n',
    ],
    [
      'a handler more at the beginning',
      { ...settings, eventHandlers: [handler('http://c'), first, second] },
      '- urlTemplate: "http://a"',
      '- urlTemplate: http://c\n      - urlTemplate: "http://a"',
    ],
    [
      'a setting more',
      { ...settings, eventHandlers: [first, { ...second, userEventPattern: '*' }] },
      'http://b\n',
      'http://b\n        userEventPattern: "*"\n',
    ],
  ])('%s', (what, wanted, before, after) => {
    const edited = edit(written, 'chat', wanted);
    const expected = written.replace(before, after);
    const more = what.startsWith('a word')
      ? expected.replace('http://b\n', 'http://b\n    webSocketKeepAliveIntervalInSeconds: 9\n')
      : expected;
    expect(edited).toBe(more);
  });

  test('the last setting that is removed leaves {}', () => {
    expect(edit('hubs:\n  a: # note\n    anonymousConnectPolicy: allow\n  b:\n', 'a', {})).toBe(
      'hubs:\n  a: {}\n  b:\n',
    );
  });

  test('a hub with many differences is written anew, and its neighbours stay', () => {
    const many = handlers(...Array.from({ length: 60 }, (_, index) => handler(`http://${index}`)));
    const edited = edit(written, 'chat', many);
    expect(edited.startsWith('hubs:\n  chat:')).toBe(true);
    expect(edited.endsWith('  # about the next\n  next: {}\n')).toBe(true);
    expect(edited.match(/urlTemplate/g)).toHaveLength(60);
  });
});

describe('[MG-001] what is removed', () => {
  test.each<[string, string, string, string]>([
    [
      'the only hub',
      'hubs: # all\n  # about a\n  a: {}\nlimits: {}\n',
      'a',
      'hubs: {} # all\n  # about a\nlimits: {}\n',
    ],
    ['in brackets, the first', 'hubs: { a: {}, b: {} }\n', 'a', 'hubs: { b: {} }\n'],
    ['in brackets, the last', 'hubs: { a: {}, b: {} }\n', 'b', 'hubs: { a: {} }\n'],
    ['in brackets, the only one', 'hubs: { a: {} } # all\n', 'a', 'hubs: {} # all\n'],
    ['in JSON', '{\n  "hubs": {\n    "a": {},\n    "b": {}\n  }\n}\n', 'a', '{\n  "hubs": {\n    "b": {}\n  }\n}\n'],
    [
      'with a comment behind its comma',
      'hubs: {\n  a: {}, # one\n  b: {} # two\n}\n',
      'b',
      'hubs: {\n  a: {} # one\n   # two\n}\n',
    ],
    ['with a key of its own', 'hubs:\n  ? a\n  : anonymousConnectPolicy: allow\n  b: {}\n', 'a', 'hubs:\n  b: {}\n'],
  ])('%s', (_, before, name, after) => {
    expect(edit(before, name, undefined)).toBe(after);
  });
});

describe('[MG-010] an alias or a merge key is not replaced by what it stands for', () => {
  const shared = `hubs:
  base: &base { anonymousConnectPolicy: allow }
  alias: *base
  merged:
    <<: *base
    webSocketKeepAliveIntervalInSeconds: 9
  inside:
    eventHandlers:
      - &handler { urlTemplate: http://a }
      - urlTemplate: http://b
  other:
    eventHandlers: [*handler]
  own:
    eventHandlers:
      - &mine { urlTemplate: http://c, auth: &auth { type: None } }
      - urlTemplate: http://d
`;

  test.each<[string, Settings | undefined, string]>([
    ['alias', {}, 'it is written as the alias `*base`'],
    ['alias', allow, 'it is written as the alias `*base`'],
    ['alias', undefined, 'it is written as the alias `*base`'],
    ['merged', {}, 'it is written with a merge key (`<<`)'],
    ['merged', undefined, 'it is written with a merge key (`<<`)'],
    ['base', {}, 'it has the anchor `&base`, which other parts of the file use'],
    ['base', undefined, 'it has the anchor `&base`, which other parts of the file use'],
    ['inside', handlers(handler('http://x')), 'it has the anchor `&handler`, which other parts of the file use'],
    ['inside', undefined, 'it has the anchor `&handler`, which other parts of the file use'],
    ['other', handlers(handler('http://x')), 'it is written as the alias `*handler`'],
  ])('%s, put %j', (name, wanted, message) => {
    expect(() => edit(shared, name, wanted)).toThrow(expect.objectContaining({ kind: 'conflict', message }));
  });

  test('what does not change stays one, and what no other part uses can change', () => {
    expect(edit(shared, 'other', handlers(handler('http://a')))).toBe(shared);
    const edited = edit(shared, 'other', { ...allow, ...handlers(handler('http://a')) });
    expect(edited).toBe(shared.replace('[*handler]\n', '[*handler]\n    anonymousConnectPolicy: allow\n'));
    expect(edit(shared, 'own', handlers(handler('http://x'), handler('http://d')))).toBe(
      shared.replace('http://c', 'http://x'),
    );
    expect(edit(shared, 'inside', handlers(handler('http://a'), handler('http://x')))).toBe(
      shared.replace('http://b', 'http://x'),
    );
  });

  test.each([
    ['x: &hubs { a: {} }\nhubs: *hubs\n', 'it is written as the alias `*hubs`'],
    ['x: &hubs { a: {} }\nhubs:\n  <<: *hubs\n  b: {}\n', 'it is written with a merge key (`<<`)'],
  ])('nor are all hubs together: %j', (text, message) => {
    expect(() => edit(text, 'a', allow)).toThrow(expect.objectContaining({ kind: 'conflict', message }));
  });
});

test('[MG-005] what is written out and equals its default stays when something else is removed', () => {
  const chat = 'hubs:\n  a: # note\n    anonymousConnectPolicy: deny # the default\n';
  expect(edit(`${chat}    webSocketKeepAliveIntervalInSeconds: 9\n`, 'a', {})).toBe(chat);
});

test('[MG-001] other sections are edited in the same way', () => {
  const text = 'auth: # who\n  entra:\n    audiences: [a] # own\nhubs: {}\n';
  const auth = (settings: Settings) =>
    editedYaml(new YamlText(text), ['auth'], callers, { entra: { audiences: ['a'] }, ...settings }).text;
  expect(auth({ disableLocalAuth: false })).toBe(text);
  expect(auth({ disableLocalAuth: true })).toBe(text.replace('# own\n', '# own\n  disableLocalAuth: true\n'));
});

test('an edit of many differences has a step for each parse of the file', () => {
  const urls = (event: string) =>
    Array.from({ length: 10 }, (_, i) => handler(`http://${i}`, { userEventPattern: event }));
  const before = new YamlText(edit('hubs: {}\n', 'chat', handlers(...urls('a'))));
  const steps = editing(before, ['hubs', 'chat'], schema, handlers(...urls('b')));
  let count = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      expect(step.value.text).toBe(before.text.replaceAll('userEventPattern: a', 'userEventPattern: b'));
      break;
    }
    count += 1;
  }
  expect(count).toBe(10);
});
