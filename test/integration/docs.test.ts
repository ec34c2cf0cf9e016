import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { parseConfig } from '../../src/config/load.js';
import type { DocBlock } from '../support/doc-blocks.js';
import { type DocPage, docPages, repository } from '../support/doc-pages.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { Mailbox } from '../support/mailbox.js';

/** For the commands of one page: each starts a process. */
const pageTimeoutMs = 240_000;
const blockTimeoutMs = 60_000;

const run = promisify(execFile);
const pages = docPages();

/** What the pages' commands are run against. */
const yaml = 'hubs:\n  chat: {}\n';

/** A folder in which the commands of one page are run, and the service that they reach. */
interface Stage {
  readonly service: RunningService;
  readonly folder: string;
}

async function stage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-docs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const command = join(folder, 'bin-hubwire', 'hubwire');
  await run('mkdir', [join(folder, 'bin-hubwire')]);
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${join(repository, 'dist/main.js')}" "$@"\n`);
  await chmod(command, 0o755);
  return { service: await startService(yaml), folder };
}

/** Runs a block as it is written, but for the addresses. @throws Error with its output when a command fails */
async function runShell({ service, folder }: Stage, { text }: DocBlock): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const env = {
    PATH: `${join(folder, 'bin-hubwire')}${delimiter}${PATH}`,
    HOME,
    HUBWIRE_ENDPOINT: service.publicUrl,
    HUBWIRE_ADMIN_PORT: new URL(service.adminUrl).port,
  };
  const script = `set -euo pipefail\n${atAddressesOf(service, text)}\n`;
  const { stdout } = await run('bash', ['-c', script], { cwd: folder, env, timeout: blockTimeoutMs });
  return stdout;
}

function atAddressesOf({ publicUrl, adminUrl }: RunningService, text: string): string {
  return text
    .replaceAll('http://localhost:8080', publicUrl)
    .replaceAll('ws://localhost:8080', publicUrl.replace('http', 'ws'))
    .replaceAll('http://localhost:8081', adminUrl);
}

function isRun(language: string): (block: DocBlock) => boolean {
  return block => block.language === language && block.marks.has('run');
}

describe('the documents', () => {
  test.each(pages.filter(({ blocks }) => blocks.some(isRun('sh'))))(
    '$path: its commands run',
    { timeout: pageTimeoutMs },
    async ({ blocks }) => {
      const on = await stage();
      for (const block of blocks.filter(isRun('sh'))) await runShell(on, block);
    },
  );

  test.each(hubsFiles())('$name: the hubs.yaml is valid', ({ text }) => {
    expect(() =>
      parseConfig(text, {
        file: 'hubs.yaml',
        env: { CHAT_CODE: 'code', APP_42_SECRET: 'secret', APP_42_NEXT_SECRET: 'next' },
      }),
    ).not.toThrow();
  });
});

/** Every YAML block that says what hubs there are. */
function hubsFiles(): { name: string; text: string }[] {
  return pages.flatMap(({ path, blocks }) =>
    blocks
      .filter(({ language, marks }) => language === 'yaml' && !marks.has('not-hubs'))
      .map(({ text, line }) => ({ name: `${path}, line ${line}`, text })),
  );
}

test('README: the first message arrives, sent by the command line and by curl', async () => {
  const on = await stage();
  const [token, send, curl] = readme().blocks.filter(isRun('sh'));
  const script = readme().blocks.find(isRun('js'));
  const url = (await runShell(on, token!)).trim();
  const shown = runInBrowserConsole(script!.text.replace('PASTE THE URL HERE', url));
  expect(await shown.take()).toMatchObject({ type: 'system', event: 'connected', userId: 'ann' });
  expect(await shown.take()).toMatchObject({ type: 'ack', ackId: 1, success: true });
  await runShell(on, send!);
  expect(await shown.take()).toMatchObject({ type: 'message', group: 'room', data: 'hello' });
  await runShell(on, curl!);
  expect(await shown.take()).toMatchObject({ type: 'message', group: 'room', data: 'hello from curl' });
});

function readme(): DocPage {
  return pages.find(({ path }) => path === 'README.md')!;
}

/** Runs the script with a browser's `WebSocket` and `console`, and answers what it logs, as JSON. */
function runInBrowserConsole(script: string): Mailbox<unknown> {
  const shown = new Mailbox<unknown>();
  const log = { log: (line: string) => shown.put(JSON.parse(line)) };
  const makeSocket = class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      onTestFinished(() => this.terminate());
    }
  };
  new Function('WebSocket', 'console', script)(makeSocket, log);
  return shown;
}
