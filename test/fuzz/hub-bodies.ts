import { editText, settingsAt } from '../../src/config/edit/edit-text.js';
import type { StoredHubSettings } from '../../src/config/edit/hubs-file-editor.js';
import { YamlText } from '../../src/config/edit/yaml-text.js';
import { ConfigError, parseConfig } from '../../src/config/load.js';
import { hub as hubSchema } from '../../src/config/schema/hub.js';
import { PubSubError } from '../../src/errors.js';
import { apiVersions } from '../../src/management/api-version.js';
import { ApiFailure } from '../../src/management/failures.js';
import { changeOf, resourceOf } from '../../src/management/hub-shapes.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const before = `# first
hubs:
  chat: # of the team
    eventHandlers:
      - urlTemplate: "http://127.0.0.1:1/{event}?code=\${CODE}"
        userEventPattern: '*'
        groupPresenceEvents: { eventNames: [joined] }
  other: {} # stays
limits: { maxConnections: 5 }
`;
const env = { CODE: 'hush' };
const params = { sub: 's', rg: 'r', name: 'n' };

/** Any body is refused, or makes a valid file in which everything else is as it was; what is shown then changes nothing. */
export const target: FuzzTarget = {
  name: 'hub-bodies',
  corpus: [
    '{"properties":{}}',
    '{"properties":{"eventHandlers":[{"urlTemplate":"http://a.example/{event}","systemEvents":["connected"],"userEventPattern":"a,b"}],"anonymousConnectPolicy":"allow","webSocketKeepAliveIntervalInSeconds":30,"eventListeners":[]}}',
    '{"id":"/x","name":"chat","properties":{"provisioningState":"Succeeded","eventHandlers":[{"urlTemplate":"http://127.0.0.1:1/{event}?code=\u0024{CODE}","auth":{"type":"ManagedIdentity","managedIdentity":{"resource":"uri://r"}}}]}}',
    '{"properties":{"eventHandlers":[{"urlTemplate":"http://a.example/# x","userEventPattern":"- a: &b *c\\n"}],"__proto__":{"a":1},"constructor":null}}',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const body = parsed(bytes.toString('utf8'));
    if (body === undefined) return;
    for (const version of apiVersions.slice(2, 5)) check(body.value, version);
  },
};

type Version = (typeof apiVersions)[number];

function check(body: unknown, version: Version): void {
  const after = attempt(() => edited(before, body, version));
  if (after === undefined) return;
  for (const kept of ['# first\n', '  other: {} # stays\nlimits: { maxConnections: 5 }\n']) {
    if (!after.includes(kept)) throw new RuleBroken(`${JSON.stringify(kept)} is not kept`);
  }
  const config = attempt(() => parseConfig(after, { file: 'f', env }));
  if (config === undefined) return;
  if (config.hubs.size !== 2) throw new RuleBroken('a hub is lost or added');
  const shown = resourceOf({ name: 'chat', settings: storedIn(after) }, params, version);
  if (JSON.stringify(shown).includes('hush')) throw new RuleBroken('a secret is shown');
  if (edited(after, shown, version) !== after)
    throw new RuleBroken('what is shown changes the file when it is sent back');
}

/** @throws ApiFailure, PubSubError */
function edited(text: string, body: unknown, version: Version): string | undefined {
  const { settings, problems = [] } = changeOf(body, storedIn(text), version);
  if (problems.length > 0) return undefined;
  return editText(text, ['hubs', 'chat'], hubSchema, settings as Readonly<Record<string, unknown>>);
}

function storedIn(text: string): StoredHubSettings {
  return (settingsAt(new YamlText(text), ['hubs', 'chat']) ?? {}) as StoredHubSettings;
}

/** Undefined for what is refused. */
function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch (error) {
    if (!(error instanceof ApiFailure) && !(error instanceof ConfigError) && !(error instanceof PubSubError))
      throw error;
    if (error.message.includes('hush')) throw new RuleBroken('a message shows a secret');
    return undefined;
  }
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
