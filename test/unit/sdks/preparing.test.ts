import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { prepareAll } from '../../sdks/preparing.js';
import type { Command, Suite } from '../../sdks/suites.js';

const command: Command = { file: 'checks', args: [], cwd: '/' };

function suiteOf(language: string, prepare: () => Promise<Command>): Suite {
  return { language, column: language, packages: [], needs: '', covers: () => true, prepare };
}

test('suites of one language are prepared one after the other, those of others meanwhile', async () => {
  const log: string[] = [];
  const release: (() => void)[] = [];
  const held = (name: string) => () => {
    log.push(name);
    return new Promise<Command>(resolve => release.push(() => resolve(command)));
  };
  const suites = [suiteOf('java', held('service')), suiteOf('java', held('client')), suiteOf('go', held('go'))];
  const all = prepareAll(suites);
  await setImmediate();
  expect(log).toEqual(['service', 'go']);
  for (const each of release.splice(0)) each();
  await setImmediate();
  expect(log).toEqual(['service', 'go', 'client']);
  for (const each of release.splice(0)) each();
  const commands = await all;
  expect(await Promise.all(suites.map(suite => commands.get(suite)))).toEqual([command, command, command]);
});

test('what cannot be prepared keeps no other from it, and its reason', async () => {
  const broken = suiteOf('java', () => Promise.reject(new Error('mvn is not installed')));
  const good = suiteOf('java', async () => command);
  const commands = await prepareAll([broken, good]);
  await expect(commands.get(broken)).rejects.toThrow('mvn is not installed');
  expect(await commands.get(good)).toBe(command);
});
