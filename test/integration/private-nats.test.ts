import { readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.js';
import { PrivateNats } from '../../src/workers/private-nats.js';

/** Runs for a minute whatever becomes of its configuration, like a server that has read it before it was removed. */
const program = `#!/bin/sh
echo '{ "nats": ["nats://127.0.0.1:4222"] }' > "$4/nats-server_$$.ports"
echo 'Server is ready' >&2
exec sleep 60
`;

const restartMs = 1_000;

async function setup() {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-private-nats-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const path = join(folder, 'nats-server');
  await writeFile(path, program);
  await chmod(path, 0o755);
  const lines: string[] = [];
  const restart = { began: () => {} };
  const clock: Clock = {
    now: () => systemClock.now(),
    monotonicMs: () => systemClock.monotonicMs(),
    after: (ms, task) => systemClock.after(ms, ms === restartMs ? () => [task(), restart.began()] : task),
  };
  const log = { info: () => {}, warn: (text: string) => void lines.push(text) };
  const server = { path, version: '2.10.0' };
  const nats = new PrivateNats({ program: server, users: 'workers', storeDirectory: undefined, clock, log });
  return { nats, lines, restart, folders: () => readdirSync(folder).filter(name => name !== 'nats-server') };
}

function isRunning({ pid }: PrivateNats): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function killServer({ pid }: PrivateNats): void {
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

/** Longer than it takes to begin a process. */
const soonMs = 500;

describe('the nats-server of the workers', () => {
  test('is started again when it has ended, and not after a stop', async () => {
    const { nats, restart, folders } = await setup();
    const restarted = new Promise<void>(resolve => {
      restart.began = resolve;
    });
    await nats.start();
    const first = nats.pid;
    killServer(nats);
    await restarted;
    await vi.waitFor(() => expect(nats.pid).not.toBe(first));
    await nats.stop();
    expect([isRunning(nats), folders()]).toEqual([false, []]);
  });

  test('is not left running by a stop at the moment of its restart', async () => {
    const { nats, lines, restart, folders } = await setup();
    const stopped = new Promise<void>((resolve, reject) => {
      restart.began = () => nats.stop().then(resolve, reject);
    });
    await nats.start();
    killServer(nats);
    await stopped;
    expect(folders()).toEqual([]);
    await setTimeout(soonMs);
    expect([isRunning(nats), folders()]).toEqual([false, []]);
    expect(lines).toEqual(['a nats-server of the workers has ended (SIGKILL); it is started again in 1 s']);
  });

  test('is not left running by a stop during its start, which fails', async () => {
    const { nats, folders } = await setup();
    const started = expect(nats.start()).rejects.toThrow('did not start');
    await nats.stop();
    await started;
    await setTimeout(soonMs);
    expect([isRunning(nats), folders()]).toEqual([false, []]);
  });
});
