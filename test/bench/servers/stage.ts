import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cores } from './cores.js';
import { type ServerCommand, ServerProcess } from './server-process.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface StageOptions {
  readonly cores: Cores | undefined;
  /** Folder for CPU profiles of Hubwire; undefined: none are taken. */
  readonly profileDir: string | undefined;
}

/** Starts what a scenario needs and ends it again, in reverse. */
export class Stage {
  readonly #options: StageOptions;
  readonly #endings: (() => unknown)[] = [];

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** Hubwire as it is shipped, with these hubs. @param hubs the text of hubs.yaml. @param flags more of `hubwire start` */
  hubwire(hubs: string, ...flags: readonly string[]): Promise<ServerProcess> {
    const file = join(this.folder(), 'hubs.yaml');
    writeFileSync(file, hubs);
    const { profileDir } = this.#options;
    const profiling = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
    const start = ['start', '--json', '--port', '0', '--admin-port', 'any', '--log-level', 'warn', '--hubs', file];
    return this.#start('hubwire', [process.execPath, ...profiling, join(root, 'dist/main.js'), ...start, ...flags]);
  }

  /** A file of this folder. It shows what the same work costs with nothing around it. */
  minimal(file: string, ...args: string[]): Promise<ServerProcess> {
    return this.script(file, new URL(file, import.meta.url), ...args);
  }

  /** A server written for the bench; it says where it listens as `sayListening` does. */
  script(name: string, file: URL, ...args: string[]): Promise<ServerProcess> {
    return this.#start(name, [process.execPath, '--import', 'tsx', fileURLToPath(file), ...args]);
  }

  /** Another program, which listens on a port of 127.0.0.1 that it is told. @param env all that it gets beside PATH */
  program(name: string, command: readonly string[], port: number, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    return this.#startSilent(name, command, port, env, this.#options.cores?.server);
  }

  /** The same on the core of the load: for what the servers under test use, and is not measured itself. */
  helper(name: string, command: readonly string[], port: number): Promise<ServerProcess> {
    return this.#startSilent(name, command, port, {}, this.#options.cores?.load);
  }

  onEnd(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async end(): Promise<void> {
    for (const ending of this.#endings.reverse()) await ending();
  }

  /** Gone with the stage, or with the process when that ends first. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'hubwire-bench-'));
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    this.onEnd(() => {
      process.off('exit', remove);
      remove();
    });
    return folder;
  }

  async #start(name: string, command: readonly string[]): Promise<ServerProcess> {
    const server = await ServerProcess.start(this.#command(name, command));
    this.onEnd(() => server.stop());
    return server;
  }

  async #startSilent(
    name: string,
    command: readonly string[],
    port: number,
    env: NodeJS.ProcessEnv,
    core: number | undefined,
  ): Promise<ServerProcess> {
    const { PATH } = process.env;
    const listening = { public: `http://127.0.0.1:${port}` };
    const server = await ServerProcess.startSilent({ name, command, env: { PATH, ...env }, core }, listening);
    this.onEnd(() => server.stop());
    return server;
  }

  #command(name: string, command: readonly string[]): ServerCommand {
    return { name, command, env: cleanEnvironment(), core: this.#options.cores?.server };
  }
}

/** Without what would make this run differ from another. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) => name === 'PORT' || name.startsWith('HUBWIRE_');
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}
