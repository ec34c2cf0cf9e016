import { readKeyFile, secretProblem } from '../auth/key-sources.js';
import { PubSubError } from '../errors.js';
import type { Environment } from './settings.js';
import type { Given } from './variables.js';

/** `NAME`, or the content of the file named by `NAME_FILE`. @throws PubSubError `invalid` */
export function readSecret(env: Environment, name: string): Given | undefined {
  const file = `${name}_FILE`;
  if (env[name] && env[file]) {
    throw new PubSubError('invalid', `${name} and ${file} are both set; unset one of them`);
  }
  if (env[name]) return checkedSecret({ text: env[name], name });
  return env[file] ? readSecretFile(env[file], file) : undefined;
}

/** @param name of the variable that names the file @throws PubSubError `invalid` */
export function readSecretFile(file: string, name: string): Given {
  return checkedSecret({ text: textOf(file, name), name });
}

function checkedSecret(secret: Given): Given {
  const problem = secretProblem(secret.text);
  if (problem !== undefined) throw new PubSubError('invalid', `${secret.name} ${problem}`);
  return secret;
}

function textOf(file: string, name: string): string {
  try {
    return readKeyFile(file);
  } catch (cause) {
    throw new PubSubError('invalid', `${name}: cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}
