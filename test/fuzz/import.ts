import { importFrom, peers } from '../../src/config/import/import.js';
import { ConfigError, parseConfig } from '../../src/config/load.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const apps =
  '[{"id":42,"key":"k","secret":"hush","max_connections":"7","webhooks":[{"url":"https://h/?c=hush","event_types":["cache_miss","x"],"headers":{"Authorization":"hush"}}]}]';

/** Any text is a configuration or ConfigError; a block without problems is a hubs.yaml, and with variables has no secret. */
export const target: FuzzTarget = {
  name: 'import',
  corpus: [
    apps,
    `{"app_manager":{"driver":"memory","array":{"apps":${apps}}},"queue":{"driver":"redis"},"database":{"redis":{"password":"hush"}}}`,
    `{"appManager.array.apps":${apps},"webhooks.batching.enabled":true,"presence":{"maxMembersPerChannel":"5"}}`,
    '{"app_manager":{"array":{"apps":[{"id":"a","key":"b","secret":"c","policy":{"limits":{"max_connections":1},"webhooks":[{"lambda":{"function_name":"f"},"event_types":["client_event"],"filter":{"channel_pattern":"^a"}}]}}]}}}',
    'appManager:\n  array:\n    apps: &a\n      - { id: 1e400, AppKey: $X, Webhooks: "[{\\"event_types\\":[\\"*\\"]}]" }\n',
    '[app_manager]\ndriver = "memory"\n',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const text = bytes.toString('utf8');
    for (const peer of peers) {
      for (const asVariables of [false, true]) check(peer, text, asVariables);
    }
  },
};

function check(peer: (typeof peers)[number], text: string, asVariables: boolean): void {
  const imported = attempt(() => importFrom(peer, text, { file: 'f', asVariables }));
  if (imported === undefined) return;
  const { text: block, secrets, problems } = imported;
  const names = secrets.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw new RuleBroken('two secrets have one name');
  if (names.some(name => !/^\w+$/.test(name))) throw new RuleBroken('a name is none of a variable');
  if (problems.length > 0) return;
  const env = asVariables ? Object.fromEntries(secrets.map(({ name, value }) => [name, value])) : {};
  const config = parseConfig(block, { file: 'f', env });
  if (config.apps.all().length !== imported.apps) throw new RuleBroken('an app is lost');
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.message.includes('hush')) throw new RuleBroken('a message shows a secret');
    return undefined;
  }
}
