import { resolve } from 'node:path';
import { isLoopback } from '../addresses.js';
import { type KeySource, type KeySources, secondaryBeside } from '../auth/key-sources.js';
import type { AccessKeys } from '../auth/keys.js';
import { PubSubError } from '../errors.js';
import { readSecret, readSecretFile } from './secrets.js';
import type { Environment } from './settings.js';
import type { Given } from './variables.js';

/** Well known, so that a laptop or CI needs no set-up; never accepted from another machine. [rest-api 1.8] */
export const developmentKey = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH';

/** Shorter keys can be guessed, and some SDKs refuse them. [rest-api 1.2] */
const leastKeyBytes = 32;

export interface KeySettings {
  readonly keys: AccessKeys;
  readonly sources: KeySources;
  readonly isDevelopmentKey: boolean;
  /** Why others must not reach a service with these keys, as `with the …`; undefined for good ones. */
  readonly weakness: string | undefined;
  readonly warnings: readonly string[];
}

/** @throws PubSubError `invalid` for a key that is not allowed in a connection string, or a file that cannot be read */
export function readKeys(env: Environment): KeySettings {
  const primary = readSecret(env, 'HUBWIRE_PRIMARY_KEY');
  const secondary = readSecret(env, 'HUBWIRE_SECONDARY_KEY');
  if (primary === undefined && secondary !== undefined) {
    throw new PubSubError(
      'invalid',
      'HUBWIRE_SECONDARY_KEY is set without HUBWIRE_PRIMARY_KEY; set both or only the primary',
    );
  }
  const sources = sourcesOf(env, primary, secondary);
  const beside = secondary === undefined && sources.secondary.kind === 'file' ? sources.secondary : undefined;
  const second = beside === undefined ? secondary : readSecretFile(beside.file, beside.name);
  const keys: AccessKeys = { primary: primary?.text ?? developmentKey, secondary: second?.text };
  const isDevelopmentKey = keys.primary === developmentKey || keys.secondary === developmentKey;
  const short = [primary, second]
    .filter(key => key !== undefined && isShort(key.text))
    .map(key => shortText(key?.name ?? ''));
  return {
    keys,
    sources,
    isDevelopmentKey,
    weakness: isDevelopmentKey ? developmentWeakness : short[0] && `while ${short[0]}`,
    warnings: short.map(text => `${text}: it can be guessed, and some SDKs refuse it; ${makeKey}`),
  };
}

const developmentWeakness = 'with the well-known development key';

function isShort(text: string): boolean {
  return Buffer.byteLength(text) < leastKeyBytes;
}

function shortText(name: string): string {
  return `${name} is shorter than ${leastKeyBytes} bytes`;
}

function sourcesOf(env: Environment, primary: Given | undefined, secondary: Given | undefined): KeySources {
  const first: KeySource = primary === undefined ? { kind: 'development' } : sourceOf(env, primary);
  return {
    primary: first,
    secondary: secondary === undefined ? secondaryBeside(first) : sourceOf(env, secondary),
    weaknessOf: text => {
      if (text === developmentKey) return developmentWeakness;
      return isShort(text) ? `while ${shortText('the key')}` : undefined;
    },
  };
}

function sourceOf(env: Environment, { name }: Given): KeySource {
  return name.endsWith('_FILE') ? { kind: 'file', name, file: resolve(env[name] ?? '') } : { kind: 'variable', name };
}

const makeKey = 'generate one with: openssl rand -base64 32';

/** Known and short keys are for this machine only. @throws PubSubError `invalid` when others can reach the host */
export function checkFence({ weakness }: KeySettings, host: Given): void {
  if (weakness === undefined || isLoopback(host.text)) return;
  throw new PubSubError(
    'invalid',
    `refusing to listen on ${host.text} (${host.name}) ${weakness}; set HUBWIRE_PRIMARY_KEY (or HUBWIRE_PRIMARY_KEY_FILE) to a key of your own: ${makeKey}`,
  );
}
