import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseDocument } from 'yaml';
import { NamePattern } from '../../../src/bridges/name-pattern.js';
import { overlapOf, ruleOf } from '../../../src/bridges/rules.js';
import { checkBridges } from '../../../src/config/bridges.js';
import { checkWebhooks } from '../../../src/config/consistency.js';
import { ConfigError, changesOf, parseConfig } from '../../../src/config/load.js';
import type { HubsFile } from '../../../src/config/schema/hubs-file.js';
import { parseYaml } from '../../../src/config/yaml-document.js';

// A file of 1 MiB has tens of thousands of lines: what compared each with each would hold the event loop for minutes.

afterEach(() => vi.restoreAllMocks());

const parse = (text: string) => parseConfig(text, { file: 'hubs.yaml', env: {} });
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('');
const nameOf = (index: number) => `h${index}`;

function problemsOf(text: string) {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('keys that occur twice', () => {
  test.each([
    'a: 1\nb: 2\na: 3\n',
    '{ a: 1, "a": 2, b: { c: 1, c: 2 } }',
    '1: a\n1.0: b\n.nan: c\n.nan: d\nnull: e\n~: f\n',
    '<<: { a: 1 }\n<<: { b: 1 }\na: 1\n',
    '? [a]\n: 1\n? [a]\n: 2\n&x b: 1\n!!str b: 2\n',
    '- { a: 1 }\n- { a: 1 }\n',
  ])('are found as the library finds them: %j', text => {
    const errors = (document: Pick<ReturnType<typeof parseDocument>, 'errors'>) =>
      document.errors.map(({ code, pos }) => [code, pos[0]]);
    const options = { merge: true, prettyErrors: false };
    expect(errors(parseYaml(text, options))).toEqual(errors(parseDocument(text, options)));
  });

  test('are shown where they stand, also behind a key without a value', () => {
    expect(problemsOf('hubs:\n  a:\n  b:\n  a:\n').map(({ line, column }) => [line, column])).toEqual([[4, 3]]);
  });
});

describe('many hubs', () => {
  test('are compared with those before without a search for each', () => {
    const config = (policy: string) =>
      parse(`hubs:\n${lines(1_000, i => `  h${i}: { anonymousConnectPolicy: ${policy} }\n`)}`);
    const [before, after] = [config('deny'), config('allow')];
    const entries = vi.spyOn(Object, 'entries');
    expect(changesOf(before, after).lines).toHaveLength(1_000);
    expect(entries.mock.calls.length).toBeLessThan(100);
  });

  test('with a problem in each: each has its place', () => {
    const text = (count: number) => `hubs:\n${lines(count, i => `  h${i}: !x\n`)}`;
    const problems = problemsOf(text(1_000));
    expect(problems.map(({ line, path }) => [line, path])).toEqual(problems.map((_, i) => [i + 2, `hubs.h${i}`]));
    expect(problems).toHaveLength(1_000);
  });

  test('a list with a problem in each item is searched once', () => {
    const search = vi.spyOn(Array.prototype, 'indexOf');
    const text = `hubs: { a: { eventHandlers: [{ urlTemplate: "http://h/", systemEvents: [${lines(300, () => `"$${'{NONE}'}",`)}] }] } }`;
    expect(problemsOf(text).map(({ path }) => path)).toEqual(
      Array.from({ length: 300 }, (_, i) => `hubs.a.eventHandlers[0].systemEvents[${i}]`),
    );
    const searched = search.mock.contexts.filter(list => (list as unknown[]).length === 300);
    expect(searched).toEqual([]);
  });

  test('a hub that is missing is looked for among the others for the first 50 apps', () => {
    const apps = Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, key: `${i}`, secret: 's', hub: 'chta' }));
    const problems: string[] = [];
    checkBridges({ apps, hubs: { chat: {} } } as HubsFile, { add: (_path, reason) => problems.push(reason) });
    expect(problems.map(problem => problem.includes('did you mean `chat`?'))).toEqual(
      apps.map((_, index) => index < 50),
    );
  });

  test('what applies to all webhooks is read once', () => {
    let reads = 0;
    const file = {
      hubs: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [nameOf(i), {}])),
      get webhooks() {
        reads += 1;
        return {};
      },
    };
    checkWebhooks(file as HubsFile, { add: () => {} });
    expect(reads).toBe(1);
  });
});

describe('many rules of a bridge', () => {
  const entry = (group: string, channel: string) => ({ group, channel, direction: 'both', event: 'message' }) as const;
  const places = (entries: readonly ReturnType<typeof entry>[]) => {
    const found: string[] = [];
    const apps = [{ id: '1', key: 'k', secret: 's', hub: 'chat', bridge: entries }];
    checkBridges({ apps, hubs: { chat: {} } } as unknown as HubsFile, {
      add: (path, reason) => found.push(`${path.at(-2)} ${reason.split(' matches too')[0]}`),
    });
    return found;
  };

  test('are compared where their beginnings allow that they overlap', () => {
    const compared = vi.spyOn(NamePattern.prototype, 'overlaps');
    expect(places(Array.from({ length: 1_000 }, (_, i) => entry(`g${i}.*`, `c${i}-*`)))).toEqual([]);
    expect(compared.mock.calls.length).toBeLessThan(20_000); // a million when each is compared with each
  });

  test('each names the first rule before it that it overlaps', () => {
    const names = ['a', 'ab', 'a*', 'a**', '*', '**b', 'a*b', 'abc', 'b', 'b*c', 'presence-a', 'presence-*'];
    for (let round = 0; round < 200; round += 1) {
      const at = (salt: number) => names[(round * 7 + salt * salt * 5 + salt * round) % names.length]!;
      const entries = Array.from({ length: 6 }, (_, i) => entry(at(i), at(i)));
      const rules = entries.map(ruleOf);
      const expected = rules.flatMap((rule, index) => {
        const earlier = rules.findIndex((other, before) => before < index && overlapOf(other, rule) !== undefined);
        const side = earlier < 0 ? undefined : overlapOf(rules[earlier]!, rule);
        return side === undefined ? [] : [`${index} matches a ${side} that apps[0].bridge[${earlier}]`];
      });
      expect(places(entries)).toEqual(expected);
    }
  });
});

test.each([
  [
    'event handlers of a hub',
    500,
    (n: number) => `hubs: { chat: { eventHandlers: [${lines(n, () => '{ urlTemplate: "http://h/" },')}] } }`,
  ],
  [
    'group filters',
    1_000,
    (n: number) =>
      `hubs: { chat: { eventHandlers: [{ urlTemplate: "http://h/", groupPresenceEvents: { groupFilters: [${lines(n, i => `g${i},`)}] } }] } }`,
  ],
  [
    'rules of a bridge',
    1_000,
    (n: number) =>
      `hubs: { chat: }\napps: [{ id: 1, key: k, secret: s, hub: chat, bridge: [${lines(n, i => `{ group: g${i}, channel: c${i} },`)}] }]`,
  ],
])('%s: at most %d', (_what, most, text) => {
  expect(problemsOf(text(most))).toEqual([]);
  expect(problemsOf(text(most + 1)).map(({ reason }) => reason)).toEqual([`must be a list of at most ${most} items`]);
});
