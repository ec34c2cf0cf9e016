import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cores } from './cores.js';
import { ServerProcess } from './server-process.js';

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

  /** Hubwire as it is shipped, with these hubs. @param hubs the text of hubs.yaml */
  hubwire(hubs: string): Promise<ServerProcess> {
    const file = join(this.#folder(), 'hubs.yaml');
    writeFileSync(file, hubs);
    const { profileDir } = this.#options;
    const profiling = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
    const start = ['start', '--json', '--port', '0', '--admin-port', '0', '--log-level', 'warn', '--hubs', file];
    return this.#start('hubwire', [...profiling, join(root, 'dist/main.js'), ...start]);
  }

  /** A file of this folder. It shows what the same work costs with nothing around it. */
  minimal(file: string, ...args: string[]): Promise<ServerProcess> {
    return this.#start(file, ['--import', 'tsx', fileURLToPath(new URL(file, import.meta.url)), ...args]);
  }

  onEnd(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async end(): Promise<void> {
    for (const ending of this.#endings.reverse()) await ending();
  }

  /** Gone with the stage, or with the process when that ends first. */
  #folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'hubwire-bench-'));
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    this.onEnd(() => {
      process.off('exit', remove);
      remove();
    });
    return folder;
  }

  async #start(name: string, args: readonly string[]): Promise<ServerProcess> {
    const core = this.#options.cores?.server;
    const server = await ServerProcess.start({ name, args, env: cleanEnvironment(), core });
    this.onEnd(() => server.stop());
    return server;
  }
}

/** Without what would make this run differ from another. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) => name === 'PORT' || name.startsWith('HUBWIRE_');
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}
