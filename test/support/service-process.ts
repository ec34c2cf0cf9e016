import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** `hubwire start` as a process of its own, for programs that are no tests. */
export interface ServiceProcess {
  readonly publicUrl: string;
  /** Null: it has no admin listener. */
  readonly adminUrl: string | null;
  readonly connectionString: string;
  /** What it logged, for a run that went wrong. */
  readonly log: () => string;
  stop(): Promise<void>;
}

export interface ProcessOptions {
  /** Of 127.0.0.1; by default any free one. */
  readonly port?: number;
  /** By default there is no admin listener. */
  readonly adminPort?: '0' | 'any';
  readonly env?: Readonly<Record<string, string>>;
  /** More flags. */
  readonly args?: readonly string[];
}

/**
 * Starts it with this hubs.yaml.
 * @throws when it ends before it listens, with what it logged
 */
export async function startServiceProcess(yaml: string, options: ProcessOptions = {}): Promise<ServiceProcess> {
  const { port = 0, adminPort = '0', env = {}, args: more = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-'));
  const file = join(folder, 'hubs.yaml');
  await writeFile(file, yaml);
  const args = [program, 'start', '--json', '--port', String(port), '--admin-port', adminPort, '--hubs', file, ...more];
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, args, { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-20_000);
  });
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const said = await firstLine(child);
  if (said === undefined) {
    await stop();
    throw new Error(`the service did not start:\n${log}`);
  }
  return {
    publicUrl: said.public,
    adminUrl: said.admin,
    connectionString: said.connectionString,
    log: () => log,
    stop,
  };
}

interface Said {
  readonly public: string;
  readonly admin: string | null;
  readonly connectionString: string;
}

async function firstLine(child: ChildProcess): Promise<Said | undefined> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) return JSON.parse(line);
  return undefined;
}
