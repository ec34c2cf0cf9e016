import { readFileSync, statSync } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import {
  type Config,
  ConfigError,
  type Environment,
  maxConfigBytes,
  parseConfig,
  readConfigText,
  textOf,
} from './load.js';

/** Milliseconds for which the content has to stay the same: a write, or a deletion by an editor, may be half done. */
const stableMs = 100;

export interface WatchOptions {
  readonly env: Environment;
  /** The one in use, so that an edit made since it was read is offered too. Without it, what the file holds at the call. */
  readonly running?: Config | undefined;
  /** The next configuration. The one after it is offered once this is done. */
  onConfig(config: Config): void | Promise<void>;
  /** The file cannot be used at present; the running configuration stays. */
  onError(error: ConfigError): void;
}

export interface ConfigWatch {
  /** Nothing is offered afterwards. */
  close(): Promise<void>;
}

/**
 * Offers each new content of the file from now on: written in place, renamed over it, or reached by another symbolic
 * link on the way. The content of the running configuration is not offered. Never throws; what goes wrong is given to
 * `onError`. [design 2]
 */
export function watchConfig(file: string, options: WatchOptions): ConfigWatch {
  const watching = new Watching(file, options);
  watching.check();
  return { close: () => watching.close() };
}

class Watching {
  readonly #file: string;
  readonly #options: WatchOptions;
  /** The text, or what stood in its way, as it was last told. */
  #last: string | undefined;
  #watcher: FSWatcher | undefined;
  #stations = '';
  #isClosed = false;
  #isQueued = false;
  #work: Promise<void> = Promise.resolve();

  constructor(file: string, options: WatchOptions) {
    this.#file = file;
    this.#options = options;
    this.#last = (options.running && textOf(options.running)) ?? textNow(file);
  }

  /** Looks at the file again, once what is under way has ended. */
  check(): void {
    if (this.#isQueued || this.#isClosed) return;
    this.#isQueued = true;
    this.#work = this.#work.then(() => this.#look()).catch(error => this.#fail('the file cannot be watched', error));
  }

  /** Does not wait for `onConfig`, which may be the one that closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#watcher?.close();
  }

  async #look(): Promise<void> {
    this.#isQueued = false;
    await this.#followLinks();
    const text = await this.#stableText();
    const seen = contentOf(text);
    if (this.#isClosed || seen === this.#last) return;
    this.#last = seen;
    await this.#offer(text);
  }

  /** Waits first: after an event, others that follow closely may not be told. */
  async #stableText(): Promise<string | ConfigError> {
    await setTimeout(stableMs, undefined, { ref: false });
    let text = await this.#read();
    while (!this.#isClosed && contentOf(text) !== this.#last) {
      await setTimeout(stableMs, undefined, { ref: false });
      const again = await this.#read();
      if (contentOf(again) === contentOf(text)) return again;
      text = again;
    }
    return text;
  }

  async #read(): Promise<string | ConfigError> {
    try {
      return await readConfigText(this.#file);
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
  }

  async #offer(text: string | ConfigError): Promise<void> {
    if (typeof text !== 'string') return this.#report(this.#staying(text));
    // A file emptied by mistake or by a full disk would otherwise open every hub that a `connect` handler guards.
    if (text.trim() === '') return this.#report(this.#staying(ConfigError.ofFile(this.#file, 'the file is empty')));
    const config = this.#parse(text);
    if (!config) return;
    try {
      await this.#options.onConfig(config);
    } catch (error) {
      this.#fail('the configuration could not be applied', error);
    }
  }

  #parse(text: string): Config | undefined {
    try {
      return parseConfig(text, { file: this.#file, env: this.#options.env });
    } catch (error) {
      if (error instanceof ConfigError) this.#report(error);
      else this.#fail('the file cannot be read', error);
      return undefined;
    }
  }

  // ------------------------------------------------------------------------------------------------------ errors

  #staying(error: ConfigError): ConfigError {
    const reason = error.problems.map(problem => problem.reason).join('; ');
    return ConfigError.ofFile(this.#file, `${reason}; the running configuration stays`, error.cause);
  }

  #fail(what: string, error: unknown): void {
    this.#report(this.#staying(ConfigError.ofFile(this.#file, what, error)));
  }

  #report(error: ConfigError): void {
    if (this.#isClosed) return;
    try {
      this.#options.onError(error);
    } catch {
      // The one who is told of errors failed: there is nobody left to tell, and watching goes on.
    }
  }

  // ------------------------------------------------------------------------------------------------- what to watch

  /** Watches anew when the way to the file has changed. */
  async #followLinks(): Promise<void> {
    const stations = await stationsOf(resolve(this.#file));
    const joined = stations.join('\0');
    if (joined === this.#stations || this.#isClosed) return;
    this.#stations = joined;
    const previous = this.#watcher;
    this.#watcher = this.#observe(new Set(stations));
    await previous?.close();
  }

  /** Folders are watched, since a file's own watch ends with it; `ready` looks again at what came before the watch stood. */
  #observe(stations: ReadonlySet<string>): FSWatcher {
    const folders = new Set([...stations].map(station => dirname(station)));
    const concerns = (path: string) => stations.has(resolve(path));
    return watch([...folders], {
      depth: 0,
      followSymlinks: false,
      ignored: path => !folders.has(resolve(path)) && !concerns(path),
    })
      .on('all', () => this.check())
      .on('ready', () => this.check())
      .on('raw', (_, name: string | null, details) => {
        // Events that come closely together are told in this form only.
        const { watchedPath } = details as { watchedPath: string };
        if (concerns(watchedPath) || concerns(resolve(watchedPath, name ?? ''))) this.check();
      })
      .on('error', error => this.#fail('changes of the file may go unnoticed from here on', error));
  }
}

/** What tells one look from the next. */
function contentOf(text: string | ConfigError): string {
  return typeof text === 'string' ? text : text.message;
}

/** Read at once, so that no edit falls between the call and the first look. */
function textNow(file: string): string | undefined {
  try {
    const stats = statSync(file);
    return stats.isFile() && stats.size <= maxConfigBytes ? new TextDecoder().decode(readFileSync(file)) : undefined;
  } catch {
    // Whatever comes to stand there is new, and the first look says what is wrong.
    return undefined;
  }
}

/** Every symbolic link on the way to the file, and what stands at the end: a change of any of them changes the file. */
async function stationsOf(file: string): Promise<readonly string[]> {
  const stations: string[] = [];
  let path = file;
  // As many links as the operating system follows.
  for (let count = 0; count < 40; count += 1) {
    const link = await firstLink(path);
    // A link that goes away in between is told as an event; what is known until then is enough.
    const target = link === undefined ? undefined : await readlink(link).catch(() => undefined);
    if (link === undefined || target === undefined) break;
    stations.push(link);
    path = resolve(dirname(link), target, relative(link, path));
  }
  return [...stations, path];
}

async function firstLink(path: string): Promise<string | undefined> {
  let step = parse(path).root;
  for (const name of path.slice(step.length).split(sep)) {
    step = join(step, name);
    // What is not there yet is no link; its folder is watched for it.
    const stats = await lstat(step).catch(() => undefined);
    if (stats?.isSymbolicLink()) return step;
  }
  return undefined;
}
