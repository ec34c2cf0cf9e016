import { connectionStringOf } from '../../auth/connection-string.js';
import { Keys } from '../../auth/keys.js';
import { StoredKeys } from '../../auth/stored-keys.js';
import { systemClock } from '../../clock.js';
import { readKeys } from '../key-settings.js';
import { type OutputArguments, printOutcome } from '../output/output.js';
import { type Environment, endpointOf } from '../settings.js';
import { adminUrlOf, type ManagementArguments, ManagementClient, type ServiceKeys } from './management-client.js';

export type KeyArguments = ManagementArguments & OutputArguments;

const keyTypes = { primary: 'Primary', secondary: 'Secondary', salt: 'Salt' } as const;
export type KeyType = keyof typeof keyTypes;

/** Prints the access keys: those of the service with `--admin`, otherwise those of the environment. [management 2.2] */
export async function showKeys(args: KeyArguments, env: Environment): Promise<void> {
  const keys = (await clientOf(args, env)?.keys()) ?? localKeys(env);
  await printOutcome({ result: keys, lines: keyLines(keys) }, args);
}

/**
 * Replaces one key, and prints the keys. Without `--admin` it is written to the file that `HUBWIRE_…_KEY_FILE` names, which a
 * running service follows. [MG-015, MG-017]
 * @throws PubSubError `conflict` for a key that is not kept in a file
 */
export async function regenerateKey(
  args: KeyArguments & { readonly keyType: KeyType },
  env: Environment,
): Promise<void> {
  const { keyType } = args;
  const client = clientOf(args, env);
  const keys = client ? await client.regenerateKey(keyTypes[keyType]) : await regenerateLocally(keyType, env);
  const effect = client ? client.effect : 'a running service that reads the file uses it within seconds';
  const sentence =
    keyType === 'salt' ? 'salt: there is none, so the keys are as before' : `${keyType} key: a new one; ${effect}`;
  await printOutcome({ result: keys, lines: keyLines(keys), sentence }, args);
}

function clientOf(args: KeyArguments, env: Environment): ManagementClient | undefined {
  const url = adminUrlOf(args, env);
  return url === undefined ? undefined : new ManagementClient(url, args, env);
}

function localKeys(env: Environment): ServiceKeys {
  const { primary, secondary = null } = readKeys(env).keys;
  const stringOf = (key: string) => connectionStringOf(endpointOf(undefined, env), key);
  return {
    primaryKey: primary,
    secondaryKey: secondary,
    primaryConnectionString: stringOf(primary),
    secondaryConnectionString: secondary === null ? null : stringOf(secondary),
  };
}

/** As a service does it, which may be running and follows the file. @throws PubSubError `conflict` */
async function regenerateLocally(keyType: KeyType, env: Environment): Promise<ServiceKeys> {
  const { keys, sources } = readKeys(env); // what is there must be right first
  if (keyType === 'salt') return localKeys(env);
  const log = { info: ignored, warn: ignored, error: ignored };
  const stored = new StoredKeys({ keys: Keys.of(keys), sources, isPublic: false, clock: systemClock, log });
  await stored.regenerate(keyType);
  return localKeys(env);
}

/** What is logged there is printed here. */
function ignored(): void {}

/** What is to be copied stands alone on its line. */
function keyLines(keys: ServiceKeys): readonly string[] {
  return [
    'Primary key',
    keys.primaryKey,
    keys.primaryConnectionString,
    'Secondary key',
    ...(keys.secondaryKey === null ? ['none'] : [keys.secondaryKey, keys.secondaryConnectionString ?? '']),
  ];
}
