import { settingsAt } from '../../src/config/edit/edit-text.js';
import type { StoredHubSettings } from '../../src/config/edit/hubs-file-editor.js';
import { YamlText } from '../../src/config/edit/yaml-text.js';
import { ConfigError, parseConfig } from '../../src/config/load.js';
import { hub as schema } from '../../src/config/schema/hub.js';
import { type ApiVersion, apiVersions } from '../../src/management/api-version.js';
import { ApiFailure } from '../../src/management/failures.js';
import { changeOf, resourceOf } from '../../src/management/hub-shapes.js';
import { edited } from '../support/edited.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const secret = 'hush-hush';
const env = { CODE: secret };
const before = '# top\nhubs:\n  first: {} # one\n';
const after = '  # last\n  last:\n    anonymousConnectPolicy: allow\nlimits: { maxConnections: 5 }\n';
const own = `  chat:
    eventHandlers:
      - urlTemplate: "http://h/?code=\${CODE}" # a
        delivery: durable
        groupPresenceEvents: { eventNames: [joined] }
    webhooks: [{ url: "http://w/", event_types: ["*"] }]
`;
const file = new YamlText(before + own + after);
const params = { sub: 's', rg: 'g', name: 'n', hub: 'chat' };

/**
 * A body of PUT is refused with problems, or is a hub: written into a file it leaves all other lines, what is read can be
 * put again without a change, and what the API does not know is kept. No message and no answer has a variable's value.
 */
export const target: FuzzTarget = {
  name: 'hub-bodies',
  corpus: [
    '{"properties":{}}',
    `{"properties":{"eventHandlers":[{"urlTemplate":"http://h/?code=\${CODE}","userEventPattern":"*","systemEvents":["connect"],"auth":{"type":"ManagedIdentity","managedIdentity":{"resource":"api://x"}}}],"anonymousConnectPolicy":"Allow","webSocketKeepAliveIntervalInSeconds":30}}`,
    '{"id":"x","properties":{"eventHandlers":[{"urlTemplate":"http://a,b#c: d/{event}","groupPresenceEvents":{"eventNames":["left"],"groupFilters":["a.*"]}},{"urlTemplate":"http://h"}],"eventListeners":null}}',
    '{"properties":{"webhooks":[],"eventHandlers":[{"urlTemplate":"\\u0000\\ud800","delivery":"durable","__proto__":{}}]}}',
    '{"properties":{"eventHandlers":{},"anonymousConnectPolicy":null,"webSocketKeepAliveIntervalInSeconds":1e400}}',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    let body: unknown;
    try {
      body = JSON.parse(bytes.toString('utf8'));
    } catch {
      return; // is refused before it comes here
    }
    for (const version of [apiVersions[0], apiVersions.at(-1)!]) put(body, version);
  },
};

function put(body: unknown, version: ApiVersion): void {
  const current = settingsAt(file, ['hubs', 'chat']) as StoredHubSettings;
  const change = attempt(() => changeOf(body, current, version));
  if (change === undefined) return;
  const written = edited(file, ['hubs', 'chat'], schema, change.settings as never);
  if (!written.text.startsWith(before) || !written.text.endsWith(after))
    throw new RuleBroken('another line has changed');
  if (!written.text.includes('webhooks:')) throw new RuleBroken('webhooks are lost');
  if (attempt(() => parseConfig(written.text, { file: 'f', env })) === undefined || change.problems?.length) return;
  const hub = { name: 'chat', settings: settingsAt(written, ['hubs', 'chat']) as StoredHubSettings };
  const resource = resourceOf(hub, params, version);
  if (JSON.stringify(resource).includes(secret)) throw new RuleBroken('the answer shows a secret');
  const again = changeOf(JSON.parse(JSON.stringify(resource)), hub.settings, version);
  if (edited(written, ['hubs', 'chat'], schema, again.settings as never).text !== written.text) {
    throw new RuleBroken('what was read is put again with a change');
  }
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof ApiFailure || error instanceof ConfigError)) throw error;
    if (error.message.includes(secret)) throw new RuleBroken('a message shows a secret');
    return undefined;
  }
}
