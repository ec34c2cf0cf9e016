import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { readinessOf, startAudited } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { startService } from '../support/hubwire-process.js';
import { natsProgram, startNats } from '../support/nats-server.js';

/** A server on this port whose store is another one each time, as of a container without a volume. */
async function forgetfulNats(port: number): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'hubwire-forgetful-'));
  const file = join(directory, 'nats.conf');
  await writeFile(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${join(directory, 'store')}" }\n`);
  const child = spawn(natsProgram!, ['--config', file], { stdio: 'ignore' });
  await setTimeout(500);
  return async () => {
    const exited = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
}

test('[CL-006] a node goes on when the NATS server has lost what it stored: what is missing is created again', async context => {
  const probe = await startNats(context); // for a free port
  const { port } = probe;
  await probe.kill();
  let stop = await forgetfulNats(port);
  onTestFinished(() => stop());
  const { yaml } = await startAudited('cluster: { leaseSeconds: 3 }');
  const node = await startService(yaml, { HUBWIRE_NATS: `nats://127.0.0.1:${port}` });
  expect(await readinessOf(node)).toBe(200);
  await stop();
  stop = await forgetfulNats(port);
  await setTimeout(6_000); // two leases
  try {
    await eventually(async () => expect(await readinessOf(node)).toBe(200), 20_000);
  } catch (error) {
    throw new Error(node.process.stderr.split('\n').slice(-8).join('\n'), { cause: error });
  }
}, 60_000);
