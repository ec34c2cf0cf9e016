import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { Held, reply } from '../support/answers.js';
import { chatYaml, type RunningService, startService } from '../support/hubwire-process.js';
import { hasProgram, notRun } from '../support/not-run.js';
import { startUpstream } from '../support/upstream.js';

const run = promisify(execFile);

/** Whatever the process opens from now on fails, or not any more. What is open stays open. */
async function limitDescriptors({ process }: RunningService, isShort: boolean): Promise<void> {
  await run('prlimit', ['--pid', String(process.pid), `--nofile=${isShort ? 1 : 1024}:1024`]);
}

function requirePrlimit(context: TestContext): void {
  if (!hasProgram('prlimit')) notRun(context, 'there is no prlimit here, which is part of util-linux');
}

async function upstreamForTest() {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  return upstream;
}

const edited = 'hubs:\n  news:\n';
const inForce = /the new configuration is applied: hub chat removed; hub news added/;

test('[F11] descriptors are short as the watch of hubs.yaml begins: an edit made then is in force once they are not', async context => {
  requirePrlimit(context);
  const upstream = await upstreamForTest();
  const held = new Held(reply(200, { 'WebHook-Allowed-Origin': '*' }));
  upstream.onValidate(held.answer);
  const service = await startService(chatYaml(`${upstream.origin}/{event}`));
  await expect.poll(() => held.count).toBe(1);
  await limitDescriptors(service, true);
  held.release();
  await service.process.find(/cannot be watched at present/, 'stderr');
  await writeFile(service.file, edited);
  await limitDescriptors(service, false);
  await service.process.find(inForce, 'stderr');
});

test('[F11] an edit that comes while descriptors are short is in force once they are not, without another edit', async context => {
  requirePrlimit(context);
  const upstream = await upstreamForTest();
  const service = await startService(chatYaml(`${upstream.origin}/{event}`));
  await writeFile(service.file, chatYaml(`${upstream.origin}/new/{event}`));
  await service.process.find(/the new configuration is applied/, 'stderr'); // so the watch stands
  await limitDescriptors(service, true);
  await writeFile(service.file, edited);
  await service.process.find(/the file cannot be read \(EMFILE\)/, 'stderr');
  await limitDescriptors(service, false);
  await service.process.find(inForce, 'stderr');
  expect(service.process.stderr.match(/"level":"error"/g)).toHaveLength(1);
});
