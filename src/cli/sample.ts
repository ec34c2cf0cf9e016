import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PubSubError } from '../errors.js';
import type { Environment } from './settings.js';

/** samples/chat, bundled with what it uses: the packages of the sample are not those of the service. */
const script = fileURLToPath(new URL('../../dist/sample/server.js', import.meta.url));

/** It prints a line for each. */
const pages = 2;

export interface Sample {
  /** What the sample prints once it is ready: where its pages are. */
  readonly lines: readonly string[];
  /** Of its pages, and of its event handler. */
  readonly port: number;
  stop(): Promise<void>;
}

/** What the sample uses. */
export interface SampledService {
  readonly connectionString: string;
  /** Of each node: the tabs of the page go to one after the other. */
  readonly publicUrls?: readonly string[];
}

/**
 * Runs the app that the shipped hubs.yaml points at, as a user would run it: a process of its own that gets the service's
 * connection string.
 * @throws PubSubError `invalid` when it does not start, with what it printed
 */
export async function startSample(service: SampledService, env: Environment): Promise<Sample> {
  const { connectionString, publicUrls = [] } = service;
  const child = spawn(process.execPath, [script], {
    env: { ...env, WebPubSubConnectionString: connectionString, WebPubSubNodes: publicUrls.join(',') },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'], // the sample ends with the channel, also when we are killed
    detached: true, // Ctrl-C in the terminal is passed on to it once the service has stopped
  });
  const exited = once(child, 'exit');
  process.once('exit', () => child.kill()); // however we end
  const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> });
  const first = await Promise.race([linesOf(lines, pages), exited.then(failed)]);
  lines.on('line', later => process.stdout.write(`${later}\n`));
  return {
    lines: first,
    port: Number(/:(\d+)/.exec(first.join('\n'))?.[1]),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The next `count` lines. */
function linesOf(lines: Interface, count: number): Promise<readonly string[]> {
  return new Promise(resolve => {
    const said: string[] = [];
    const take = (line: string) => {
      said.push(line);
      if (said.length < count) return;
      lines.off('line', take);
      resolve(said);
    };
    lines.on('line', take);
  });
}

function failed([code]: unknown[]): never {
  throw new PubSubError('invalid', `the sample app did not start (exit code ${code}); see the line above`);
}
