import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PubSubError } from '../errors.js';

/** The oldest nats-server that has what nodes need: [cluster 1.1]. */
const oldest: readonly number[] = [2, 9, 10];

/** Where Debian's package puts it, which is not on the PATH of every user. */
const usualPlaces = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server'];

export interface NatsProgram {
  readonly path: string;
  /** As in `2.9.10`. */
  readonly version: string;
}

/**
 * The nats-server of this machine: the one that is named, or else the first one that is found.
 * @param named a path, and the variable that gives it
 * @returns undefined when there is none @throws PubSubError `invalid` for one that is named and cannot be used
 */
export async function findNatsProgram(
  named: { readonly text: string; readonly name: string } | undefined,
  places: readonly string[] = usualPlaces,
): Promise<NatsProgram | undefined> {
  if (named !== undefined) return checked(named.text, await versionOf(named.text), named.name);
  for (const path of places) {
    const version = await versionOf(path);
    if (version !== undefined && isNewEnough(version)) return { path, version };
  }
  return undefined;
}

function checked(path: string, version: string | undefined, name: string): NatsProgram {
  if (version !== undefined && isNewEnough(version)) return { path, version };
  const what = version === undefined ? 'is no nats-server that can be run' : `is nats-server ${version}`;
  throw new PubSubError('invalid', `${path} (${name}) ${what}; name one that is ${oldest.join('.')} or newer`);
}

/** Undefined when it cannot be run, or prints something else. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 5_000 });
    return /^nats-server: v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined; // it is not there, or something else has its name
  }
}

export function isNewEnough(version: string): boolean {
  const parts = version.split('.').map(Number);
  const index = oldest.findIndex((part, at) => parts[at] !== part);
  return index < 0 || parts[index]! > oldest[index]!;
}

/** What to do where there is none. */
export const howToInstall = `install nats-server ${oldest.join('.')} or newer (Debian, Ubuntu: apt-get install nats-server; macOS: brew install nats-server; others: https://github.com/nats-io/nats-server/releases), or name a NATS that runs`;
