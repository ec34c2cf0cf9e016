import { basename } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import { type Config, changesOf, type Environment, handlersOf, weaknessOf } from './config/load.js';
import { type SharedHubs, watchHubs } from './config/shared-hubs.js';
import type { ConfigWatch } from './config/watch.js';
import { PubSubError } from './errors.js';
import type { Settings } from './settings.js';
import type { EventHandlers } from './upstream/event-handlers.js';

/** What takes part in a change of the configuration. */
export interface ConfigUser {
  /** Called before another configuration is in use. A rejection keeps the previous one, with its message in the log. */
  prepare(config: Config): Promise<void>;
  /** Called once it is in use. Never rejects. */
  apply(): Promise<void>;
}

interface Followed {
  readonly isMissing: boolean;
  readonly shared?: SharedHubs | undefined;
}

/** Puts configurations to use, one after another. */
export class Reloads {
  readonly #settings: Settings;
  readonly #handlers: Pick<EventHandlers, 'configure'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #isPublic: boolean;
  readonly #user: ConfigUser;
  #applying: Promise<void> = Promise.resolve();
  #watch: ConfigWatch | undefined;

  /**
   * @param isPublic other machines reach the service: secrets that everyone knows are refused
   */
  constructor(
    settings: Settings,
    handlers: Pick<EventHandlers, 'configure'>,
    clock: Clock,
    log: Logger,
    isPublic: boolean,
    user: ConfigUser,
  ) {
    this.#user = user;
    this.#isPublic = isPublic;
    this.#settings = settings;
    this.#handlers = handlers;
    this.#clock = clock;
    this.#log = log;
  }

  /** The first one, effective at once. Settles once every event handler has been validated, or has failed to be. */
  begin(config: Config): Promise<void> {
    this.#applying = this.#apply(config);
    return this.#applying;
  }

  /** Validates what is new, then swaps. Never rejects. */
  add(config: Config): Promise<void> {
    this.#applying = this.#applying
      .then(() => this.#use(config, () => this.#apply(config)))
      .catch(error => this.#log.error({ err: error }, `${notApplied('the configuration')} ${messageOf(error)}`));
    return this.#applying;
  }

  /**
   * Uses what an edit wrote to the file: in use at once, since the caller waits. Events for new handlers wait for their
   * validation. [management 1.7]
   * @throws as a rejection, when it cannot be used
   */
  takeOver(config: Config): Promise<void> {
    this.#watch?.written(config.source.text);
    const taken = this.#applying.then(async () => {
      if (config.source.text === this.#settings.config.source.text) return;
      await this.#use(config, () => this.#swap(config));
    });
    this.#applying = taken.catch(() => undefined); // the caller has it
    return taken;
  }

  /** Follows the file, or what is shared in place of it, from now on. @param isMissing the file need not exist yet */
  watch(file: string, env: Environment, { isMissing, shared }: Followed): void {
    this.#watch = watchHubs(file, shared, {
      env,
      running: this.#settings.config, // a change since it was read is applied at once
      isMissing,
      onConfig: config => this.add(config),
      clock: this.#clock,
      onError: error => this.#log.error(`${notApplied(file)}\n${error.message}`),
      onWatchFailed: error =>
        this.#log.warn(
          { err: error },
          `${file} cannot be watched at present; changes are applied when watching it works again`,
        ),
    });
  }

  /** The file is not followed any more. */
  async stop(): Promise<void> {
    await this.#watch?.close();
  }

  /** @throws whatever keeps it from being used; nothing has changed then */
  async #use(config: Config, swap: () => Promise<void>): Promise<void> {
    const weakness = this.#isPublic ? weaknessOf(config.apps) : undefined;
    if (weakness !== undefined) throw new PubSubError('invalid', `other machines reach the service, ${weakness}`);
    const changes = changesOf(this.#settings.config, config);
    await this.#user.prepare(config);
    await swap();
    await this.#user.apply();
    this.#tellChanges(changes);
  }

  async #apply(config: Config): Promise<void> {
    await this.#handlers.configure(handlersOf(config), config.delivery, () => {
      this.#settings.config = config;
    });
  }

  /** Settles once it is in use, which it is before its event handlers are validated. */
  #swap(config: Config): Promise<void> {
    return new Promise((resolve, reject) => {
      const swapped = () => {
        this.#settings.config = config;
        resolve();
      };
      this.#handlers.configure(handlersOf(config), config.delivery, swapped, true).catch(reject);
    });
  }

  #tellChanges({ lines, openings }: ReturnType<typeof changesOf>): void {
    this.#log.info(`the new configuration is applied: ${lines.length === 0 ? 'no setting changed' : lines.join('; ')}`);
    for (const opening of openings) this.#log.warn(opening);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function notApplied(file: string): string {
  return `${basename(file)} not applied, the previous configuration is kept:`;
}
