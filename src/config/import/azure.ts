import { stringify } from 'yaml';
import { maskSecrets } from '../../upstream/url-template.js';
import { ConfigError, type Path } from '../problems.js';
import { defaultKeepAliveSeconds } from '../schema/hub.js';
import type { Block, Secret } from './block.js';
import { filled, type Unmatched } from './draft.js';
import { readPeerFile } from './peer-file.js';
import { type PeerMap, PeerSettings } from './peer-settings.js';

/** Hubs of Azure Web PubSub as a part of hubs.yaml. */
export interface HubsBlock extends Block {
  readonly hubs: number;
  readonly unmatched: readonly Unmatched[];
  /** Variables that the text names; those of a Key Vault's secrets with any value. */
  readonly variables: Readonly<Record<string, string>>;
}

const withSecrets = '# Contains secrets: keep others from reading this file, or import again with --env.\n';
const readOnly = ['id', 'type', 'etag', 'systemData', 'resourceGroup'];
const keyVault = /\{@Microsoft\.KeyVault\([^)]*\)\}/gi;
const listenersAdvice = 'Event Hubs are not supported; let an event handler or a webhook receive these events';

/**
 * Reads what `az webpubsub hub show` or `hub list` printed, or the management API answered: one hub, a list, or a list as
 * `value`. [management 2.1]
 * @throws ConfigError for a file without hubs
 */
export function hubsOfAzure(text: string, { file, asVariables }: { file: string; asVariables: boolean }): HubsBlock {
  const hubs = resourcesIn(readPeerFile(text, file), file);
  const writer = new UrlWriter(asVariables);
  const entries = hubs.map(hub => [nameOf(hub, file), settingsOf(hub, writer)] as const);
  checkDistinct(
    entries.map(([name]) => name),
    file,
  );
  const block = stringify({ hubs: Object.fromEntries(entries) }, { lineWidth: 0 });
  return {
    text: `${!asVariables && writer.secrets.length > 0 ? withSecrets : ''}${block}`,
    secrets: writer.secrets,
    hubs: hubs.length,
    variables: Object.fromEntries(writer.variables),
    unmatched: [...writer.unmatched, ...hubs.flatMap(unmatchedOf)],
  };
}

function resourcesIn(tree: unknown, file: string): readonly PeerSettings[] {
  const [list, path]: [unknown, Path] =
    tree instanceof Map && Array.isArray(tree.get('value')) ? [tree.get('value'), ['value']] : [tree, []];
  const items = Array.isArray(list)
    ? list.map((item, index) => [item, [...path, index]] as const)
    : [[list, path] as const];
  const isHub = (item: unknown): item is PeerMap => item instanceof Map && typeof item.get('name') === 'string';
  if (items.length > 0 && items.every(([item]) => isHub(item))) {
    return items.map(([item, place]) => new PeerSettings(item as PeerMap, place));
  }
  throw ConfigError.ofFile(
    file,
    'the file has no hubs: write it with `az webpubsub hub show … > hub.json`, or hub list for all of them',
  );
}

/** Of a nested resource only the last part is the hub's. @throws ConfigError */
function nameOf(hub: PeerSettings, file: string): string {
  const name = hub.text('name')?.split('/').at(-1);
  if (name === undefined || name === '') throw ConfigError.ofFile(file, 'a hub has no name');
  return name;
}

/** Hub names ignore case. @throws ConfigError, as one of two would be lost */
function checkDistinct(names: readonly string[], file: string): void {
  const lower = names.map(name => name.toLowerCase());
  const index = lower.findIndex((name, at) => lower.indexOf(name) !== at);
  if (index < 0) return;
  throw ConfigError.ofFile(
    file,
    `hub ${JSON.stringify(names[index]?.slice(0, 128))} is there twice; import the hubs of one service at a time`,
  );
}

function settingsOf(hub: PeerSettings, writer: UrlWriter): object {
  const properties = hub.mapping('properties');
  const name = hub.text('name')?.split('/').at(-1) ?? '';
  const policy = properties.text('anonymousConnectPolicy');
  const seconds = properties.number('webSocketKeepAliveIntervalInSeconds');
  const handlers = properties.mappings(['eventHandlers']) ?? [];
  return (
    filled({
      anonymousConnectPolicy: policy === 'deny' ? undefined : policy,
      webSocketKeepAliveIntervalInSeconds: seconds === defaultKeepAliveSeconds ? undefined : seconds,
      eventHandlers: handlers.length === 0 ? undefined : handlers.map(handler => handlerOf(handler, name, writer)),
    }) ?? {}
  );
}

function handlerOf(handler: PeerSettings, hub: string, writer: UrlWriter): object | undefined {
  const auth = handler.mapping('auth');
  const presence = handler.mapping('groupPresenceEvents');
  const type = auth.text('type');
  const resource = auth.mapping('managedIdentity').text('resource');
  return filled({
    urlTemplate: writer.write(handler.text('urlTemplate') ?? '', hub, handler.pathOf('urlTemplate')),
    systemEvents: handler.texts('systemEvents'),
    userEventPattern: handler.text('userEventPattern'),
    groupPresenceEvents: filled({
      eventNames: presence.texts('eventNames'),
      groupFilters: presence.texts('groupFilters'),
    }),
    auth: type === undefined || type === 'None' ? undefined : filled({ type, managedIdentity: filled({ resource }) }),
  });
}

function unmatchedOf(hub: PeerSettings): readonly Unmatched[] {
  const top = hub.path.length;
  const listeners = hub.mapping('properties').peek('eventListeners');
  return hub.left().flatMap((path): readonly Unmatched[] => {
    const [name, second] = path.slice(top);
    if (readOnly.includes(String(name))) return [];
    if (second !== 'eventListeners') return [{ path, advice: undefined }];
    return Array.isArray(listeners) && listeners.length === 0 ? [] : [{ path, advice: listenersAdvice }];
  });
}

/** Writes URLs of handlers, with variables in place of secrets. */
class UrlWriter {
  readonly secrets: Secret[] = [];
  readonly variables = new Map<string, string>();
  readonly unmatched: Unmatched[] = [];
  readonly #asVariables: boolean;
  readonly #names = new Set<string>();

  constructor(asVariables: boolean) {
    this.#asVariables = asVariables;
  }

  /** @param path where it stands, for messages */
  write(url: string, hub: string, path: Path): string {
    const place = `hub ${hub}, urlTemplate`;
    const parts = url.split(keyVault);
    const references = parts.slice(1).map(() => this.#unused(`${hub}_CODE`));
    for (const name of references) {
      this.variables.set(name, 'secret');
      this.unmatched.push({ path, advice: `set the environment variable ${name} to the secret of the Key Vault` });
    }
    const written = parts.map(part => this.#withVariables(part, hub, place));
    return written.reduce((text, part, index) => `${text}\${${references[index - 1]}}${part}`);
  }

  /** For the values of the query that look like secrets. Other `${` stand for no variable. */
  #withVariables(text: string, hub: string, place: string): string {
    return escaped(text).replace(
      /([?&;])([^&;#=]+)=([^&;#]+)/g,
      (whole, mark: string, name: string, written: string) => {
        const value = written.replaceAll('$${', () => '${');
        if (!maskSecrets(`http://h/?${name}=${value}`).endsWith('=***')) return whole;
        const variable = this.#unused(`${hub}_${name}`);
        this.secrets.push({ name: variable, place, value });
        if (this.#asVariables) this.variables.set(variable, value);
        return this.#asVariables ? `${mark}${name}=\${${variable}}` : whole;
      },
    );
  }

  #unused(text: string): string {
    const made = text.replace(/\W+/g, '_').toUpperCase();
    let name = made;
    for (let count = 2; this.#names.has(name); count += 1) name = `${made}_${count}`;
    this.#names.add(name);
    return name;
  }
}

/** `${` that does not stand for a variable. */
function escaped(text: string): string {
  return text.replaceAll('${', () => '$${');
}
