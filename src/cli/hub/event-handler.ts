import { nearestWord } from '../../config/did-you-mean.js';
import { systemEvents } from '../../upstream/options.js';
import { UsageError } from '../usage-error.js';

/** A handler as the management API has it. [management 1.3] */
export interface WireHandler {
  readonly urlTemplate: string;
  readonly userEventPattern?: string;
  readonly systemEvents?: readonly string[];
  readonly auth?: { readonly type: string; readonly managedIdentity?: { readonly resource: string } };
}

const keys = ['url-template', 'user-event-pattern', 'system-event', 'auth-type', 'auth-resource'] as const;
type Key = (typeof keys)[number];

const authTypes = ['None', 'ManagedIdentity'] as const;

/**
 * The handler of one `--event-handler`, whose items are `key=value`, split at the first `=`. `system-event` may be given
 * several times; of other keys the last one counts. [management 2.1]
 * @throws UsageError, also where the vendor's tool drops something in silence [MG-054]
 */
export function eventHandlerOf(items: readonly string[]): WireHandler {
  const given = items.map(pairOf);
  const last = (key: Key) => given.findLast(pair => pair.key === key)?.value;
  const urlTemplate = last('url-template');
  const userEventPattern = last('user-event-pattern');
  const events = given.filter(({ key }) => key === 'system-event').map(({ value }) => systemEventOf(value));
  if (!urlTemplate) throw new UsageError(`--event-handler ${items.join(' ')}: add url-template=https://…`);
  const auth = authOf(last('auth-type'), last('auth-resource'));
  return {
    urlTemplate,
    ...(userEventPattern !== undefined && { userEventPattern }),
    ...(events.length > 0 && { systemEvents: [...new Set(events)] }),
    ...(auth !== undefined && { auth }),
  };
}

function pairOf(item: string): { readonly key: Key; readonly value: string } {
  const at = item.indexOf('=');
  if (at < 0) throw new UsageError(`--event-handler: "${item}" has no "="; write it as KEY=VALUE; ${keyAdvice(item)}`);
  const [name, value] = [item.slice(0, at), item.slice(at + 1)];
  const key = keys.find(each => each === name);
  if (key === undefined) throw new UsageError(`--event-handler: unknown key "${name}"; ${keyAdvice(name)}`);
  return { key, value };
}

function keyAdvice(name: string): string {
  const near = nearestWord(name, keys);
  return near === undefined ? `keys are ${keys.join(', ')}` : `did you mean ${near}?`;
}

function systemEventOf(value: string): string {
  const event = systemEvents.find(each => each === value.toLowerCase());
  if (event !== undefined) return event;
  const near = nearestWord(value, systemEvents);
  const advice = value.includes(',')
    ? `write each event as an item of its own: ${value
        .split(',')
        .map(each => `system-event=${each.trim()}`)
        .join(' ')}`
    : near === undefined
      ? `system events are ${systemEvents.join(', ')}; others are named by user-event-pattern`
      : `did you mean ${near}?`;
  throw new UsageError(`--event-handler: unknown system-event "${value}"; ${advice}`);
}

function authOf(typeText: string | undefined, resource: string | undefined): WireHandler['auth'] {
  if (typeText === undefined && resource === undefined) return undefined;
  const type = authTypes.find(each => each.toLowerCase() === typeText?.toLowerCase());
  if (typeText !== undefined && type === undefined) {
    throw new UsageError(`--event-handler: auth-type is ${authTypes.join(' or ')}, not "${typeText}"`);
  }
  if (type !== 'ManagedIdentity' && resource !== undefined) {
    throw new UsageError(
      '--event-handler: auth-resource is sent only with auth-type=ManagedIdentity; add that, or leave auth-resource out',
    );
  }
  if (type === 'ManagedIdentity' && !resource) {
    throw new UsageError('--event-handler: auth-type=ManagedIdentity needs auth-resource=…, the audience of the token');
  }
  return type === undefined ? undefined : { type, ...(resource && { managedIdentity: { resource } }) };
}
