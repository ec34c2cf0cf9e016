import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { freePort } from './machine.js';
import { hasProgram, notRun } from './not-run.js';

const run = promisify(execFile);

export function requireRedis(context: TestContext): void {
  if (!hasProgram('redis-server')) notRun(context, 'there is no redis-server here; sh test/setup.sh installs it');
}

/** A redis server of a test's own, which writes each command to its disk before it answers. */
export class RedisServer {
  readonly #directory: string;
  #process: ChildProcess | undefined;

  /** Of a node: of the bus between nodes. */
  readonly #busPort: number | undefined;

  private constructor(
    directory: string,
    readonly port: number,
    busPort?: number,
  ) {
    this.#directory = directory;
    this.#busPort = busPort;
  }

  static async start(): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'hubwire-redis-'));
    const server = new RedisServer(directory, await freePort());
    await server.start();
    return server;
  }

  /** A node of a cluster, with all slots: as strict about them as any. */
  static async startCluster(): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'hubwire-redis-'));
    const node = new RedisServer(directory, await freePort(), await freePort());
    await node.start();
    await node.cli('cluster', 'addslotsrange', '0', '16383');
    while (!(await node.cli('cluster', 'info')).includes('cluster_state:ok'));
    return node;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const bus = this.#busPort === undefined ? [] : clusterOptions(this.#busPort);
    const child = spawn('redis-server', [...options, ...durable, ...bus], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('Ready to accept connections')) break;
    }
    child.stdout.resume();
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
  }

  /** As a crash of the machine would, but for what the kernel has not written yet. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** What an operator's shell would print. */
  async cli(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args]);
    return stdout.trim();
  }
}

function clusterOptions(busPort: number): readonly string[] {
  return ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'];
}
