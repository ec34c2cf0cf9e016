import { rmSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from './clock.js';
import { lockOf } from './config/edit/edit-lock.js';
import { PubSubError } from './errors.js';
import { type NatsEvent, NatsParts } from './nats/events.js';
import { NatsSetupError } from './nats/jetstream.js';
import { Link } from './nats/link.js';
import { storeName } from './nats/names.js';
import type { NatsOptions } from './nats/options.js';
import { SharedText, SharedTextConflict, type SharedTextValue } from './nats/shared-text.js';

/** How often nodes look for another configuration: it is in use two seconds after it was written. [CL-111] */
const pollMs = 1_000;
const key = 'hubs.yaml';
/** What a message has besides the text. */
const overheadBytes = 1_024;

export interface SharedConfigParts {
  readonly clock: Clock;
  readonly tell: (event: NatsEvent) => void;
  /** What is waited for, or went wrong, for people. */
  readonly say: (text: string) => void;
}

/**
 * The hubs.yaml that all nodes of a cluster share, in NATS. A copy is kept in a file, which is followed and edited as any other:
 * what an edit writes goes to NATS first. Loaded with `--config nats` only. [cluster 9]
 */
export class SharedConfig {
  /** Of the copy; without a folder for other things beside it. */
  readonly file: string;
  readonly #parts: SharedConfigParts;
  readonly #folder: string;
  readonly #access: SharedConfigAccess;
  /** Of what is in the file. */
  #revision = 0;
  /** Of what was written from here last. */
  #published = 0;
  #cancel = () => {};
  #problem = '';
  #isStopped = false;
  /** However the process ends, but for a kill. */
  readonly #onExit = () => rmSync(this.#folder, { recursive: true, force: true });

  private constructor(folder: string, access: SharedConfigAccess, parts: SharedConfigParts) {
    this.#folder = folder;
    this.file = join(folder, key);
    this.#access = access;
    this.#parts = parts;
    process.once('exit', this.#onExit);
  }

  /**
   * Settles once there is a configuration, however long NATS or the first `config push` takes; says what it waits for.
   * @throws as a rejection: PubSubError `invalid` when NATS is there and cannot be used
   */
  static async open(nats: NatsOptions, parts: SharedConfigParts): Promise<SharedConfig> {
    const access = await SharedConfigAccess.open(nats, parts);
    const folder = await mkdtemp(join(tmpdir(), `hubwire-${storeName(nats.clusterName, 'config')}-`));
    const shared = new SharedConfig(folder, access, parts);
    const missing = `waiting for a configuration: cluster ${nats.clusterName} has none yet; write it with: hubwire config push FILE`;
    for (let isTold = false; ; isTold = true) {
      await shared.refresh();
      if (shared.#revision > 0) break;
      if (!isTold) parts.say(missing);
      await new Promise<void>(resolve => void parts.clock.after(pollMs, resolve));
    }
    shared.#poll();
    return shared;
  }

  /** Brings the file up to date, now. Never rejects: what was read before stands. */
  async refresh(): Promise<void> {
    try {
      const value = await this.#access.read();
      this.#problem = '';
      if (value !== undefined && value.revision > this.#revision) await this.#replace(value);
    } catch (error) {
      this.#tellProblem(error instanceof Error ? error.message : String(error));
    }
  }

  /** Between two edits of the file: what an edit has read is what its revision says, and what it replaces. */
  async #replace({ text, revision }: SharedTextValue): Promise<void> {
    const lock = await lockOf(this.file, this.#parts.clock);
    try {
      if (revision <= this.#revision || revision < this.#published || this.#isStopped) return;
      const temporary = `${this.file}.new`;
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, this.file);
      this.#revision = revision;
    } finally {
      lock.release();
    }
  }

  /**
   * Gives the text to all nodes, if nobody else wrote since the file was read. The caller has the lock of the file from before
   * it reads it until it has written it.
   * @throws as a rejection: PubSubError `conflict` when somebody did, or NATS does not answer
   */
  async publish(text: string): Promise<void> {
    this.#published = await this.#access.write(text, Math.max(this.#revision, this.#published));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#access.close();
    await rm(this.#folder, { recursive: true, force: true });
    process.off('exit', this.#onExit);
  }

  #poll(): void {
    this.#cancel = this.#parts.clock.after(pollMs, () => {
      void this.refresh().then(() => {
        if (!this.#isStopped) this.#poll();
      });
    });
  }

  /** Once in a row. */
  #tellProblem(reason: string): void {
    if (this.#problem === reason || this.#isStopped) return;
    this.#problem = reason;
    this.#parts.say(`the shared configuration cannot be read, the one in use is kept: ${reason}`);
  }
}

/** Reads and writes the shared configuration of a cluster. */
export class SharedConfigAccess {
  readonly #link: Link;
  readonly #text: SharedText;

  private constructor(link: Link, text: SharedText) {
    this.#link = link;
    this.#text = text;
  }

  /** Settles once NATS is there. @param signal ends the wait @throws as a rejection: PubSubError `invalid` when it cannot be used */
  static async open(
    nats: NatsOptions,
    { clock, tell }: Pick<SharedConfigParts, 'clock' | 'tell'>,
    signal?: AbortSignal,
  ): Promise<SharedConfigAccess> {
    const parts = new NatsParts(clock, tell);
    const link = new Link(nats, 'config', parts);
    signal?.addEventListener('abort', () => void link.close());
    const text = new SharedText(link, storeName(nats.clusterName, 'config'), key, { replicas: 'auto', parts });
    try {
      await text.open();
    } catch (error) {
      await link.close();
      throw error instanceof NatsSetupError ? new PubSubError('invalid', error.message, { cause: error }) : error;
    }
    return new SharedConfigAccess(link, text);
  }

  read(): ReturnType<SharedText['read']> {
    return this.#text.read();
  }

  /** @param revision that it replaces; 0: there must be none @returns its revision @throws as a rejection: PubSubError `conflict` */
  async write(text: string, revision: number): Promise<number> {
    const bytes = Buffer.byteLength(text);
    const maxBytes = (this.#link.connection?.info?.max_payload ?? Number.POSITIVE_INFINITY) - overheadBytes;
    if (bytes > maxBytes) {
      const reason = `the configuration of ${bytes} bytes is larger than NATS takes (max_payload there: ${maxBytes + overheadBytes})`;
      throw new PubSubError('conflict', `${reason}; nothing was written`);
    }
    try {
      return await this.#text.write(text, revision === 0 ? undefined : revision);
    } catch (error) {
      throw new PubSubError('conflict', whyNotWritten(error), { cause: error });
    }
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

function whyNotWritten(error: unknown): string {
  if (error instanceof SharedTextConflict) {
    return 'the shared configuration was changed by somebody else at the same time; look at it, and try again';
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `the shared configuration cannot be written to NATS (${reason}); try again`;
}
