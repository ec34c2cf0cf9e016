import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PubSubError } from '../errors.js';
import type { Environment } from './settings.js';

/** samples/chat, bundled with what it uses: the packages of the sample are not those of the service. */
const script = fileURLToPath(new URL('../../dist/sample/server.js', import.meta.url));

export interface Sample {
  /** What the sample prints once it is ready: where its page is. */
  readonly line: string;
  /** Of its page, and of its event handler. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Runs the app that the shipped hubs.yaml points at, as a user would run it: a process of its own that gets the service's
 * connection string.
 * @throws PubSubError `invalid` when it does not start, with what it printed
 */
export async function startSample(connectionString: string, env: Environment): Promise<Sample> {
  const child = spawn(process.execPath, [script], {
    env: { ...env, WebPubSubConnectionString: connectionString },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // Ctrl-C in the terminal is passed on to it once the service has stopped
  });
  const exited = once(child, 'exit');
  process.once('exit', () => child.kill()); // however we end
  const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> });
  const [line] = await Promise.race([once(lines, 'line'), exited.then(failed)]);
  lines.on('line', later => process.stdout.write(`${later}\n`));
  return {
    line: String(line),
    port: Number(/:(\d+)/.exec(String(line))?.[1]),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function failed([code]: unknown[]): never {
  throw new PubSubError('invalid', `the sample app did not start (exit code ${code}); see the line above`);
}
