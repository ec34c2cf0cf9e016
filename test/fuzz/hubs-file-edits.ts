import { isDeepStrictEqual } from 'node:util';
import { settingsAt } from '../../src/config/edit/edit-text.js';
import { YamlText } from '../../src/config/edit/yaml-text.js';
import { type Config, ConfigError, parseConfig } from '../../src/config/load.js';
import { hub as schema } from '../../src/config/schema/hub.js';
import { PubSubError } from '../../src/errors.js';
import { edited } from '../support/edited.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const env = { HOST: 'host' };
/** The YAML library takes seconds for hundreds of lists within each other, on a line of its own. */
const mostBrackets = 60;
const settings = {
  webSocketKeepAliveIntervalInSeconds: 77,
  eventHandlers: [{ urlTemplate: 'http://new/', userEventPattern: 'a, b' }, { urlTemplate: 'http://a/' }],
};

/** Any valid hubs.yaml can be edited, or says why not; the other hubs and all comments above the first one stay. */
export const target: FuzzTarget = {
  name: 'hubs-file-edits',
  corpus: [
    '# top\nhubs:\n  a: # one\n\n    anonymousConnectPolicy: "allow"\n    eventHandlers:\n    - urlTemplate: http://a/ # u\n      systemEvents: [ connect,\n        connected ]\n    # end\n  b:\n  c: {}\n',
    'hubs: { a: { eventHandlers: [ { urlTemplate: "http://a/" }, ], }, # one\n  "b": {} }\nlimits: {}\n...\n',
    '{\r\n  "hubs": {\r\n    "a": { "eventHandlers": [] },\r\n    "b": {}\r\n  }\r\n}\r\n',
    'hubs:\n  a: &x\n    eventHandlers: &l\n      - &h {urlTemplate: http://a/}\n  b: *x\n  c:\n    <<: *x\n  d:\n    eventHandlers: *l\n  e: { eventHandlers: [*h] }\n',
    '---\nhubs:\n  ? a\n  : eventHandlers:\n      - userEventPattern: >-\n          x\n\n        urlTemplate: |-\n          http://$' +
      '{HOST}/\n      -\n        urlTemplate: "http://\\\n          b/"\n  ? b\n',
    'limits:\n  maxConnections: 5',
    '{}',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const text = bytes.toString('utf8');
    if ((text.match(/[[{]/g) ?? []).length > mostBrackets) return;
    const config = attempt(() => parseConfig(text, { file: 'f', env }));
    if (config === undefined) return;
    const yaml = new YamlText(text);
    const names = [...config.hubs.values()].map(({ name }) => name).slice(0, 4);
    for (const name of [...names, 'quite_new']) {
      same(yaml, name);
      check(
        config,
        name,
        attempt(() => edited(yaml, ['hubs', name], schema, settings)),
      );
      check(
        config,
        name,
        attempt(() => edited(yaml, ['hubs', name], schema, undefined)),
      );
    }
  },
};

function same(yaml: YamlText, name: string): void {
  const current = settingsAt(yaml, ['hubs', name]);
  if (current === undefined) return;
  const again = attempt(() => edited(yaml, ['hubs', name], schema, (current ?? {}) as never));
  if (again !== undefined && again.text !== yaml.text) throw new RuleBroken(`${name} is put as it is with a change`);
}

function check(config: Config, name: string, result: YamlText | undefined): void {
  if (result === undefined) return;
  const next = parseConfig(result.text, { file: 'f', env });
  for (const [key, hub] of config.hubs) {
    if (hub.name !== name && !isDeepStrictEqual(next.hubs.get(key), hub))
      throw new RuleBroken(`${hub.name} has changed`);
  }
  if (!isDeepStrictEqual(next.limits, config.limits)) throw new RuleBroken('limits have changed');
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch (error) {
    if (error instanceof ConfigError || (error instanceof PubSubError && error.kind === 'conflict')) return undefined;
    throw error;
  }
}
