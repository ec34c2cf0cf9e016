import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory for an outbox, gone with the test. */
export async function outboxDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hubwire-outbox-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
