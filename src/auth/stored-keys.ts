import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm } from 'node:fs/promises';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { besideFile, type KeySource, type KeySources, secretProblem, withoutLineBreak } from './key-sources.js';
import type { AccessKeys, Keys } from './keys.js';

export type KeyName = 'primary' | 'secondary';

export interface StoredKeysOptions {
  /** In use; changed here. */
  readonly keys: Keys;
  readonly sources: KeySources;
  /** Other machines reach the service: keys that can be guessed are refused. */
  readonly isPublic: boolean;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
}

/** Files are compared, as those of the certificate are: links, mounts and renames do not matter then. */
const comparedEveryMs = 5_000;

const keyBytes = 32;

/** Changes the access keys while the service runs: when a caller wants a new one, and when their files change. [management 1.8] */
export class StoredKeys {
  readonly #options: StoredKeysOptions;
  readonly #sources: { primary: KeySource; secondary: KeySource };
  /** Reported once, however often it occurs. */
  readonly #lastFailures = new Map<KeyName, string>();
  #work: Promise<unknown> = Promise.resolve();
  #cancel = () => {};
  #isStopped = false;

  constructor(options: StoredKeysOptions) {
    const { primary, secondary } = options.sources;
    this.#options = options;
    this.#sources = { primary, secondary };
  }

  /** Both keys in use. A secondary one that is missing is made, and is accepted from then on. [MG-014] */
  both(): Promise<{ readonly primary: string; readonly secondary: string }> {
    return this.#next(async () => {
      const { primary, secondary } = this.#options.keys;
      return { primary, secondary: secondary ?? (await this.#addSecondary()) };
    });
  }

  /** @throws PubSubError `conflict` when the key is not in a file that can be written [MG-015] */
  regenerate(name: KeyName): Promise<void> {
    return this.#next(async () => {
      const place = this.#placeOf(name);
      if (place.kind !== 'file') throw cannotChange(name, place);
      const key = newKey();
      await writeKey(place, key);
      this.#sources[name] = place;
      this.#use({ [name]: key });
      this.#options.log.info(`the ${name} access key was regenerated`);
    });
  }

  /** Follows the files from now on. */
  follow(): void {
    if (this.#isStopped) return;
    const isAnyFile = Object.values(this.#sources).some(({ kind }) => kind === 'file');
    if (!isAnyFile) return;
    this.#cancel = this.#options.clock.after(comparedEveryMs, () => {
      void this.#next(() => this.#compare()).finally(() => this.follow());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** One after another, as each reads the keys that the one before has changed. */
  #next<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#work.then(task);
    this.#work = done.catch(() => {}); // its caller has the error
    return done;
  }

  #use(changed: Partial<AccessKeys>): void {
    const { primary, secondary } = this.#options.keys;
    this.#options.keys.change({ primary, secondary, ...changed });
  }

  async #addSecondary(): Promise<string> {
    const key = newKey();
    const place = this.#placeOf('secondary');
    try {
      if (place.kind !== 'file') throw new Error('there is no file to keep it in; set HUBWIRE_SECONDARY_KEY_FILE');
      await writeKey(place, key);
      this.#sources.secondary = place;
    } catch (error) {
      this.#options.log.warn(
        `the new secondary access key is valid until the service stops: ${(error as Error).message}`,
      );
    }
    this.#use({ secondary: key });
    return key;
  }

  /** Where the key is, or would be. */
  #placeOf(name: KeyName): KeySource {
    const { primary, secondary } = this.#sources;
    if (name === 'primary' || secondary.kind !== 'none') return this.#sources[name];
    return primary.kind === 'file' ? { ...primary, file: besideFile(primary.file) } : primary;
  }

  // ---------------------------------------------------------------------------------------------- following files

  async #compare(): Promise<void> {
    for (const name of ['primary', 'secondary'] as const) {
      const source = this.#sources[name];
      if (source.kind === 'file' && !this.#isStopped) await this.#compareOne(name, source);
    }
  }

  async #compareOne(name: KeyName, { file }: Extract<KeySource, { kind: 'file' }>): Promise<void> {
    const { keys, log } = this.#options;
    try {
      const text = withoutLineBreak(await readFile(file, 'utf8'));
      if (text !== keys[name]) {
        this.#check(text);
        this.#use({ [name]: text });
        log.info(`the ${name} access key was replaced by the one that ${file} contains now`);
      }
      this.#lastFailures.delete(name);
    } catch (error) {
      const { message } = error as Error;
      if (this.#lastFailures.get(name) !== message) {
        log.error(`the ${name} access key is kept, since the one in ${file} cannot be used: ${message}`);
      }
      this.#lastFailures.set(name, message);
    }
  }

  /** @throws */
  #check(text: string): void {
    const problem = secretProblem(text);
    if (problem !== undefined) throw new Error(`it ${problem}`);
    const weakness = this.#options.isPublic ? this.#options.sources.weaknessOf(text) : undefined;
    if (weakness !== undefined) throw new Error(`other machines reach the service, ${weakness}`);
  }
}

function newKey(): string {
  return randomBytes(keyBytes).toString('base64');
}

/** [MG-015] */
function cannotChange(name: KeyName, source: Exclude<KeySource, { kind: 'file' }>): PubSubError {
  const variable = `HUBWIRE_${name.toUpperCase()}_KEY`;
  const advice = `write the key to a file, and set ${variable}_FILE to its name in place of ${variable}`;
  const reason =
    source.kind === 'development'
      ? 'the development key cannot be changed'
      : `the ${name} access key comes from ${variable}, which a running service cannot change`;
  return new PubSubError('conflict', `${reason}: ${advice}`);
}

/** Temporary file, then rename: readers see the old key or the new one. @throws PubSubError `conflict` */
async function writeKey({ name, file }: Extract<KeySource, { kind: 'file' }>, key: string): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = await realpath(file).catch(() => file); // not the link to it, nor one that is made now
    temporary = `${target}.${randomBytes(6).toString('hex')}`;
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${key}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => {}); // the error to report is the first
    const { code } = cause as NodeJS.ErrnoException;
    const message = `${file} (${name}) cannot be replaced (${code}): the key is not changed; the folder of the file must be writable, and not only the file mounted`;
    throw new PubSubError('conflict', message, { cause });
  }
}
