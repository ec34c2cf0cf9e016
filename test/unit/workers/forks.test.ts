import { expect, onTestFinished, test } from 'vitest';
import { forkNode } from '../../../src/workers/forks.js';

test('a process that cannot be started ends, with the reason', async () => {
  const { execPath } = process;
  onTestFinished(() => {
    process.execPath = execPath;
  });
  process.execPath = '/nowhere/node';
  const end = await new Promise<string>(resolve => forkNode({}).onExit(resolve));
  expect(end).toBe('it cannot be started (spawn /nowhere/node ENOENT)');
});
