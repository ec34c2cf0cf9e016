import { importFromAzure } from '../../src/config/import/import.js';
import { ConfigError, parseConfig } from '../../src/config/load.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const hub =
  '{"id":"/s","name":"chat","properties":{"anonymousConnectPolicy":"allow","eventHandlers":[{"auth":null,"systemEvents":["connect"],"urlTemplate":"https://h/{event}?code=hush","userEventPattern":"*"},{"urlTemplate":"https://h/?code={@Microsoft.KeyVault(SecretUri=https://v/s)}","auth":{"type":"ManagedIdentity","managedIdentity":{"resource":"uri://x"}},"groupPresenceEvents":{"eventNames":["joined"],"groupFilters":["a*"]}}],"eventListeners":[],"webSocketKeepAliveIntervalInSeconds":30},"resourceGroup":"rg","systemData":{},"type":"t"}';

/** Any text is hubs or ConfigError; a block without problems is a hubs.yaml with these hubs, and has no secret with variables. */
export const target: FuzzTarget = {
  name: 'import-azure',
  corpus: [hub, `[${hub},{"name":"svc/other"}]`, `{"value":[${hub}],"nextLink":null}`].map(text => Buffer.from(text)),
  run(bytes) {
    for (const asVariables of [false, true]) check(bytes.toString('utf8'), asVariables);
  },
};

function check(text: string, asVariables: boolean): void {
  let imported: ReturnType<typeof importFromAzure>;
  try {
    imported = importFromAzure(text, { file: 'f', asVariables });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return;
  }
  const names = imported.secrets.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw new RuleBroken('two secrets have one name');
  if (names.some(name => !/^\w+$/.test(name))) throw new RuleBroken('a name is none of a variable');
  if (imported.problems.length > 0) return;
  const variables = Array.from(imported.text.matchAll(/\$\{(\w+)\}/g), ([, name]) => [name, 'secret'] as const);
  const { hubs } = parseConfig(imported.text, { file: 'f', env: Object.fromEntries(variables) });
  if (hubs.size !== imported.hubs) throw new RuleBroken('a hub is lost');
}
