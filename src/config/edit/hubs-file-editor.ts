import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TSchema } from '@sinclair/typebox';
import type { Clock } from '../../clock.js';
import { PubSubError } from '../../errors.js';
import type { Config } from '../config.js';
import type { Environment } from '../environment.js';
import { maxConfigBytes, parseConfig } from '../load.js';
import { ConfigError, formatPath } from '../problems.js';
import { callers } from '../schema/callers.js';
import { hub as hubSchema } from '../schema/hub.js';
import type { SharedHubs } from '../shared-hubs.js';
import { editing, type SettingsPath, settingsAt } from './edit-text.js';
import { type HubChange, type HubProblem, InvalidHubError, problemsWithin } from './hub-change.js';
import { filePlace, readHubs, sharedPlace } from './hubs-place.js';
import { isMapping, type Mapping } from './next-change.js';
import { findHub, hubsIn, type Stored, type StoredHub, type StoredHubSettings } from './stored-hub.js';
import { YamlText } from './yaml-text.js';

export { type HubChange, type HubProblem, InvalidHubError } from './hub-change.js';
export type { Stored, StoredHub, StoredHubSettings } from './stored-hub.js';

/** Who may call the data plane; undefined: stays as it is. */
export interface AuthSwitches {
  readonly disableLocalAuth?: boolean | undefined;
  readonly disableAadAuth?: boolean | undefined;
}

export interface HubsFileEditorOptions {
  readonly file: string;
  /** Of `${NAME}` in the file. */
  readonly env: Environment;
  readonly clock: Clock;
  /** The text that the running service uses: the file on disk must be the same, and it is what is read. Left out: no service. */
  readonly expected?: (() => string) | undefined;
  /** What is edited in place of the file. */
  readonly shared?: SharedHubs | undefined;
  /** Puts the configuration to use that was written; awaited before the edit is done. */
  readonly onWritten?: ((config: Config) => Promise<void>) | undefined;
}

/** First line of a file that is created: editors find the schema where hubwire is installed in the folder. */
const schemaLine = '# yaml-language-server: $schema=./node_modules/hubwire/hubs.schema.json\n';

/**
 * Edits hubs.yaml. Edits are taken one after another, those of other processes included, and each is checked as a whole
 * before it is written. [management 1.7]
 */
export class HubsFileEditor {
  readonly #file: string;
  readonly #options: HubsFileEditorOptions;
  #edits: Promise<unknown> = Promise.resolve();
  /** Variables of the file that are not set here. Without a service that does not matter: its environment may have them. */
  #unset: ReadonlySet<string> = new Set();

  constructor(options: HubsFileEditorOptions) {
    this.#options = options;
    this.#file = resolve(options.file);
  }

  /** For messages. */
  get #name(): string {
    return this.#options.shared?.name ?? this.#file;
  }

  /**
   * In the order of the file. Without a service a variable that is not set does not matter.
   * @throws PubSubError `conflict` when the file cannot be read
   */
  async list(): Promise<readonly StoredHub[]> {
    return hubsIn(await this.#current());
  }

  /** The name ignores case. @throws PubSubError `conflict` when the file is invalid */
  async get(name: string): Promise<StoredHub | undefined> {
    return findHub(await this.list(), name);
  }

  /**
   * Replaces all settings of a hub, or adds the hub. Settings that equal their default are not written, and nothing is
   * written when nothing changes.
   * @throws InvalidHubError; PubSubError `conflict` when the file cannot be edited, with the reason
   */
  put(name: string, settings: StoredHubSettings): Promise<{ readonly hub: StoredHub; readonly isNew: boolean }> {
    return this.update(name, () => ({ settings }));
  }

  /** As `put`, with settings that depend on those that are there; nothing comes in between. */
  update(
    name: string,
    change: (current: StoredHubSettings | undefined) => HubChange,
  ): Promise<{ readonly hub: StoredHub; readonly isNew: boolean }> {
    return this.#inTurn(async () => {
      const { before, after } = await this.#edit(yaml => {
        const current = findHub(hubsIn(yaml), name);
        const path: SettingsPath = ['hubs', current?.name ?? name];
        const { settings, problems } = change(current?.settings);
        return { path, schema: hubSchema, settings: settings as Mapping, problems };
      });
      const hub = findHub(hubsIn(after), name);
      if (hub === undefined) throw new PubSubError('internal', `hub ${name} is missing after it was written`);
      return { hub, isNew: findHub(hubsIn(before), name) === undefined };
    });
  }

  /** @returns false: there was none @throws PubSubError `conflict` when the file cannot be edited, with the reason */
  delete(name: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const { before, after } = await this.#edit(there => {
        const path: SettingsPath = ['hubs', findHub(hubsIn(there), name)?.name ?? name];
        return { path, schema: hubSchema, settings: undefined };
      });
      return hubsIn(after).length < hubsIn(before).length;
    });
  }

  /** @throws PubSubError `conflict` when the file cannot be edited, with the reason */
  setAuth(switches: AuthSwitches): Promise<void> {
    const given = Object.fromEntries(Object.entries(switches).filter(([, value]) => value !== undefined));
    return this.#inTurn(async () => {
      await this.#edit(yaml => {
        const current = settingsAt(yaml, ['auth']);
        return { path: ['auth'], schema: callers, settings: { ...(isMapping(current) ? current : {}), ...given } };
      });
    });
  }

  /** As they stand in the file; what is left out is false. @throws PubSubError `conflict` when the file cannot be read */
  async auth(): Promise<Stored<AuthSwitches>> {
    const auth = settingsAt(await this.#current(), ['auth']);
    return (isMapping(auth) ? auth : {}) as Stored<AuthSwitches>;
  }

  async #current(): Promise<YamlText> {
    const { expected, shared } = this.#options;
    const text = expected?.() ?? shared?.text ?? (await readHubs(this.#file)).text ?? 'hubs: {}';
    const yaml = new YamlText(text);
    return yaml.isSound ? yaml : this.#parse(text);
  }

  // -------------------------------------------------------------------------------------------------------- editing

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#edits.then(task);
    this.#edits = result.catch(() => undefined);
    return result;
  }

  async #edit(editOf: (yaml: YamlText) => Edit): Promise<{ before: YamlText; after: YamlText }> {
    const { shared, clock } = this.#options;
    const place = shared === undefined ? await filePlace(this.#file, clock) : sharedPlace(shared);
    let written: Config | undefined;
    let result: { before: YamlText; after: YamlText };
    try {
      const { text } = place;
      const before = this.#usable(text);
      await nextTurn(); // a large file takes long enough to parse
      const edit = editOf(before);
      const after = await this.#apply(before, edit);
      result = { before, after };
      // Without a file, a put creates it whatever it changes.
      const isUnchanged = after.text === before.text && (text !== undefined || edit.settings === undefined);
      if (!isUnchanged || edit.problems?.length) {
        await nextTurn();
        written = this.#check(after.text, edit);
        await place.replace(after.text);
      }
    } finally {
      place.release();
    }
    if (written !== undefined) await this.#options.onWritten?.(written);
    return result;
  }

  /** Others are served between the steps: nobody else edits meanwhile. */
  async #apply(before: YamlText, { path, schema, settings }: Edit): Promise<YamlText> {
    const steps = editing(before, path, schema, settings);
    try {
      for (;;) {
        const step = steps.next();
        if (step.done === true) return step.value;
        await nextTurn();
      }
    } catch (error) {
      if (!(error instanceof PubSubError)) throw error;
      const what = path.length === 1 ? `\`${path[0]}\`` : `hub ${path[1]}`;
      throw new PubSubError(
        'conflict',
        `${what} cannot be edited in ${this.#name}: ${error.message}; edit the file by hand`,
      );
    }
  }

  /** What is to be edited: the file, which is in use; without a file what is in use. @throws PubSubError `conflict` */
  #usable(text: string | undefined): YamlText {
    const running = this.#options.expected?.();
    if (running === undefined) return text === undefined ? emptyFile() : this.#parse(text);
    if (text === undefined) return isNothing(running) ? emptyFile() : new YamlText(running);
    if (running === text) return new YamlText(text);
    throw new PubSubError(
      'conflict',
      `${this.#name} differs from the configuration in use: it was changed and is not applied yet, or is invalid; try again, or correct the file`,
    );
  }

  /** @throws PubSubError `conflict` for an invalid file */
  #parse(text: string): YamlText {
    try {
      parseConfig(text, { file: this.#name, env: this.#options.env });
      this.#unset = new Set();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#unset = new Set(error.problems.flatMap(({ variable }) => variable ?? []));
      if (error.problems.every(({ variable }) => variable !== undefined)) return new YamlText(text);
      throw new PubSubError('conflict', `the file is invalid; correct it first\n${error.message}`, { cause: error });
    }
    return new YamlText(text);
  }

  /** @returns undefined when a variable of the file is not set here @throws InvalidHubError, PubSubError */
  #check(text: string, { path, problems = [] }: Edit): Config | undefined {
    const [, hub] = path;
    if (Buffer.byteLength(text) > maxConfigBytes) {
      throw new PubSubError('invalid', `${this.#name} would be larger than 1 MiB; nothing was written`);
    }
    const found = [...problems];
    try {
      const config = parseConfig(text, { file: this.#name, env: this.#options.env });
      if (found.length === 0) return config;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const others = error.problems.filter(({ variable }) => variable === undefined || !this.#unset.has(variable));
      if (others.length === 0 && found.length === 0) return undefined;
      if (hub === undefined) throw error;
      found.push(...problemsWithin(others, formatPath(path)));
    }
    throw new InvalidHubError(hub ?? '', found);
  }
}

interface Edit {
  readonly path: SettingsPath;
  readonly schema: TSchema;
  readonly settings: Mapping | undefined;
  readonly problems?: readonly HubProblem[] | undefined;
}

function emptyFile(): YamlText {
  return new YamlText(`${schemaLine}hubs: {}\n`);
}

/** A configuration without a file. */
function isNothing(text: string): boolean {
  return text.trim() === 'hubs: {}';
}
