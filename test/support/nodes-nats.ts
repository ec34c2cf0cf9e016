import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './machine.js';
import { natsProgram } from './nats-server.js';

/** Global set-up of vitest, outside of any test: one nats-server for all services of a run with several nodes. */
export default async function setUp(): Promise<() => Promise<void>> {
  if (natsProgram === undefined) throw new Error('there is no nats-server here; sh test/setup.sh installs it');
  const directory = await mkdtemp(join(tmpdir(), 'hubwire-nats-'));
  const port = await freePort();
  const args = ['--addr', '127.0.0.1', '--port', `${port}`, '--jetstream', '--store_dir', directory];
  const server = spawn(natsProgram, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface({ input: server.stderr })) if (line.includes('Server is ready')) break;
  server.stderr.resume();
  process.env.HUBWIRE_TEST_NODES_NATS = `nats://127.0.0.1:${port}`;
  const end = () => server.kill('SIGKILL');
  process.once('exit', end); // of a run that is interrupted
  return async () => {
    process.off('exit', end);
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    await rm(directory, { recursive: true, force: true });
  };
}
