import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock } from '../clock.js';
import { linkChainOf } from './link-chain.js';
import {
  type Config,
  ConfigError,
  type Environment,
  maxConfigBytes,
  missingFile,
  parseConfig,
  readConfigText,
} from './load.js';
import { Retry } from './retry.js';

/** Milliseconds for which the content has to stay the same: a write, or a deletion by an editor, may be half done. */
const stableMs = 100;

export interface WatchOptions {
  readonly env: Environment;
  /** The one in use, so that an edit made since it was read is offered too. Without it, what the file holds at the call. */
  readonly running?: Config | undefined;
  readonly clock: Clock;
  /** Chokidar's, but for tests. */
  readonly watchFolders?: typeof watch;
  /** The file does not exist yet, and need not: it is offered once it does. */
  readonly isMissing?: boolean | undefined;
  /** The next configuration. The one after it is offered once this is done. */
  onConfig(config: Config): void | Promise<void>;
  /** The content of the file is invalid; the running configuration is kept. */
  onError(error: ConfigError): void;
  /** Changes are not noticed for the time being. Called once, until the file is watched again. */
  onWatchFailed(error: Error): void;
}

export interface ConfigWatch {
  /** The file has been given this content, which is in use already, so it is not offered. */
  written(text: string): void;
  /** Nothing is offered afterwards. */
  close(): Promise<void>;
}

/**
 * Offers each new content of the file from now on: written in place, renamed over it, or reached by another symbolic
 * link on the way. The content of the running configuration is not offered. A watch that fails, as when there are too many
 * open files, is set up again, and then finds the edits that were made meanwhile. Never throws. [design 2]
 */
export function watchConfig(file: string, options: WatchOptions): ConfigWatch {
  const watching = new Watching(file, options);
  watching.check();
  return { close: () => watching.close(), written: text => watching.written(text) };
}

class Watching {
  readonly #file: string;
  readonly #options: WatchOptions;
  /** The text, or the error, that was reported last. */
  #last: string | undefined;
  #watcher: FSWatcher | undefined;
  #links = '';
  #isClosed = false;
  #isQueued = false;
  /** Counts `written` calls: what was read before one is out of date. */
  #writes = 0;
  /** From an error of the watch until one stands again. */
  #isUnwatched = false;
  readonly #retry: Retry;
  #work: Promise<void> = Promise.resolve();

  constructor(file: string, options: WatchOptions) {
    this.#file = file;
    this.#options = options;
    this.#retry = new Retry(options.clock, () => this.check());
    this.#last = options.isMissing ? contentOf(missingFile(file)) : (options.running?.source.text ?? readSync(file));
  }

  /** Looks at the file again, once what is under way has ended. */
  check(): void {
    if (this.#isQueued || this.#isClosed) return;
    this.#isQueued = true;
    this.#work = this.#work.then(() => this.#look()).catch(error => this.#onWatchError(error));
  }

  written(text: string): void {
    this.#last = text;
    this.#writes += 1;
    this.check();
  }

  /** Does not wait for `onConfig`, which may be the one that closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry.stop();
    await this.#watcher?.close();
  }

  async #look(): Promise<void> {
    this.#isQueued = false;
    const writes = this.#writes;
    await this.#followLinks();
    const text = await this.#stableText();
    if (this.#isClosed || writes !== this.#writes) return;
    // The cause of a read error may end without an event of the folder.
    if (typeof text !== 'string') this.#retry.schedule();
    else if (!this.#isUnwatched) this.#retry.reset();
    const seen = contentOf(text);
    if (seen === this.#last) return;
    this.#last = seen;
    await this.#offer(text);
  }

  /** Waits first: events that follow another one closely may not be reported. */
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
    if (typeof text !== 'string') return this.#report(text);
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

  #fail(what: string, error: unknown): void {
    this.#report(ConfigError.ofFile(this.#file, what, error));
  }

  #report(error: ConfigError): void {
    this.#tell(() => this.#options.onError(error));
  }

  #tell(task: () => void): void {
    if (this.#isClosed) return;
    try {
      task();
    } catch {
      // The error handler failed: there is no other, and watching continues.
    }
  }

  // ------------------------------------------------------------------------------------------------ trying again

  #onWatchError(error: unknown): void {
    if (this.#isClosed) return;
    this.#links = ''; // so that the next look watches anew
    this.#retry.schedule();
    if (this.#isUnwatched) return;
    this.#isUnwatched = true;
    this.#tell(() => this.#options.onWatchFailed(error instanceof Error ? error : new Error(String(error))));
  }

  /** Looks again at what came before the watch stood. */
  #onWatching(): void {
    this.#isUnwatched = false;
    this.#retry.reset();
    this.check();
  }

  // ------------------------------------------------------------------------------------------------- what to watch

  /** Watches anew when the way to the file has changed. */
  async #followLinks(): Promise<void> {
    const links = await linkChainOf(resolve(this.#file));
    const joined = links.join('\0');
    if (joined === this.#links || this.#isClosed) return;
    this.#links = joined;
    const previous = this.#watcher;
    this.#watcher = this.#observe(new Set(links));
    await previous?.close();
  }

  /** Folders are watched, since a file's own watch ends with it; `ready` looks again at what came before the watch stood. */
  #observe(links: ReadonlySet<string>): FSWatcher {
    const folders = new Set([...links].map(link => dirname(link)));
    const concerns = (path: string) => links.has(resolve(path));
    const watcher = (this.#options.watchFolders ?? watch)([...folders], {
      depth: 0,
      followSymlinks: false,
      ignored: path => !folders.has(resolve(path)) && !concerns(path),
    });
    let hasFailed = false;
    return watcher
      .on('all', () => this.check())
      .on('ready', () => (hasFailed ? undefined : this.#onWatching()))
      .on('raw', (_, name: string | null, details) => {
        // Events in quick succession are reported in this form only.
        const { watchedPath } = details as { watchedPath: string };
        if (concerns(watchedPath) || concerns(resolve(watchedPath, name ?? ''))) this.check();
      })
      .on('error', error => {
        hasFailed = true;
        if (watcher === this.#watcher) this.#onWatchError(error);
      });
  }
}

/** The content to compare with that of the next read. */
function contentOf(text: string | ConfigError): string {
  return typeof text === 'string' ? text : text.message;
}

/** Read at once, so that no edit falls between the call and the first look. */
function readSync(file: string): string | undefined {
  try {
    const stats = statSync(file);
    return stats.isFile() && stats.size <= maxConfigBytes ? new TextDecoder().decode(readFileSync(file)) : undefined;
  } catch {
    // Any content is new then, and the first read reports the error.
    return undefined;
  }
}
