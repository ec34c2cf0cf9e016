import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import type { Service } from '../../src/service.js';
import { noBrowser, startBrowser } from '../support/browser.js';
import { repository } from '../support/doc-pages.js';
import { HubwireProcess, type RunningService, startService } from '../support/hubwire-process.js';
import { freePort } from '../support/machine.js';
import { hasProgram, notRun } from '../support/not-run.js';
import { dialer } from '../support/test-client.js';

const run = promisify(execFile);
const examples = join(repository, 'examples');
const waitMs = 30_000;
const installMs = 300_000;

/** The example's hubs.yaml, with the app at this port instead of the one that people use. */
async function hubsOf(example: string, port?: number): Promise<string> {
  const yaml = await readFile(join(examples, example, 'hubs.yaml'), 'utf8');
  if (port === undefined) return yaml;
  expect(yaml).toContain('http://localhost:3000/');
  return yaml.replaceAll('http://localhost:3000/', `http://localhost:${port}/`);
}

async function becomesActive({ process }: RunningService): Promise<void> {
  await process.find(/event handler is active/, 'stderr');
}

/** Connects with the URL that the app hands out. */
async function clientOf(app: string, user: string) {
  const response = await fetch(`${app}/negotiate?user=${encodeURIComponent(user)}`);
  const { url } = (await response.json()) as { url: string };
  return dialer({} as Service)({ url });
}

// ------------------------------------------------------------------------------------------------------------ browser

describe('examples/browser', () => {
  test('two tabs chat', { timeout: 4 * waitMs }, async context => {
    const browser = await openBrowser(context);
    const service = await startService(await hubsOf('browser'));
    const url = service.clientUrl({ groups: ['lobby'], roles: ['webpubsub.sendToGroup.lobby'] });
    const complaints: string[] = [];
    const ann = await openTab(browser, url, 'Ann', complaints);
    const zoe = await openTab(browser, url, 'Zoë', complaints);

    await say(ann, '<b>hello</b>');
    for (const page of [ann, zoe]) await page.getByText('Ann: <b>hello</b>', { exact: true }).waitFor();
    await say(zoe, 'hi');
    for (const page of [ann, zoe]) await page.getByText('Zoë: hi', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });
});

async function openBrowser(context: TestContext): Promise<Browser> {
  const browser = (await startBrowser()) ?? notRun(context, noBrowser);
  onTestFinished(() => browser.close());
  return browser;
}

async function openTab(browser: Browser, url: string, name: string, complaints: string[]): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(waitMs);
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(String(error)));
  await page.goto(pathToFileURL(join(examples, 'browser/index.html')).href);
  await page.locator('[name=url]').fill(url);
  await page.locator('[name=name]').fill(name);
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('connected', { exact: true }).waitFor();
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('[name=text]').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

// ------------------------------------------------------------------------------------------------------------ express

describe('examples/express', () => {
  test('clients vote, and everybody gets the result', async () => {
    const port = await freePort();
    const service = await startService(await hubsOf('express', port));
    const app = new HubwireProcess(
      [],
      { POLL_PORT: String(port), WebPubSubConnectionString: service.connectionString },
      { command: [process.execPath, join(examples, 'express/server.js')] },
    );
    const [, url = ''] = await app.find(/^poll: (\S+)\n/);
    await becomesActive(service);

    const ann = await clientOf(url, 'ann');
    const bob = await clientOf(url, 'bob');
    for (const client of [ann, bob]) expect(await client.next()).toMatchObject({ event: 'connected' });
    ann.send({ type: 'event', event: 'vote', dataType: 'text', data: 'tea', ackId: 1 });
    expect(await bob.next()).toMatchObject({ from: 'server', data: { result: { tea: 1, coffee: 0 } } });
    expect(await ann.next()).toMatchObject({ data: { result: { tea: 1, coffee: 0 } } });
    expect(await ann.next()).toMatchObject({ from: 'server', dataType: 'text', data: 'You chose tea.' });
    expect(await ann.next()).toMatchObject({ type: 'ack', ackId: 1, success: true });
    bob.send({ type: 'event', event: 'vote', dataType: 'text', data: 'milk', ackId: 1 });
    expect(await bob.next()).toMatchObject({ type: 'ack', success: false });
    expect(await (await fetch(`${url}/result`)).json()).toEqual({ tea: 1, coffee: 0 });
  });
});

// ------------------------------------------------------------------------------------------------------------ fastapi

describe('examples/fastapi', () => {
  test('admits, refuses and answers clients, and checks signatures', { timeout: installMs }, async context => {
    const python = await pythonFor(context);
    const port = await freePort();
    const service = await startService(await hubsOf('fastapi', port));
    const app = new HubwireProcess(
      ['--port', String(port)],
      { HUBWIRE_ENDPOINT: service.publicUrl, PYTHONDONTWRITEBYTECODE: '1' },
      { command: [python, '-m', 'uvicorn', 'app:app'], cwd: join(examples, 'fastapi') },
    );
    await app.find(/Uvicorn running on/, 'stderr');
    await becomesActive(service);
    const url = `http://127.0.0.1:${port}`;

    const jose = await clientOf(url, 'José');
    expect(await jose.next()).toMatchObject({ event: 'connected', userId: 'José' });
    await app.find(/^connected José\n/m);
    jose.send({ type: 'event', event: 'note', dataType: 'text', data: 'hello', ackId: 1 });
    expect(await jose.next()).toMatchObject({ from: 'server', data: 'José said: hello' });
    expect(await jose.next()).toMatchObject({ type: 'ack', success: true });
    jose.send({ type: 'sendToGroup', group: 'lobby', dataType: 'text', data: 'all' });
    expect(await jose.next()).toMatchObject({ from: 'group', group: 'lobby', data: 'all' });

    await expect(clientOf(url, 'banned')).rejects.toThrow('403');
    const headers = { 'ce-type': 'azure.webpubsub.user.note', 'ce-connectionId': 'x', 'ce-signature': 'sha256=00' };
    expect((await fetch(`${url}/eventhandler/note`, { method: 'POST', headers, body: '' })).status).toBe(401);
  });
});

/** A Python with the example's packages, kept for the next run. */
async function pythonFor(context: TestContext): Promise<string> {
  if (!hasProgram('python3')) notRun(context, 'there is no python3');
  const requirements = await readFile(join(examples, 'fastapi/requirements.txt'));
  const name = createHash('sha256').update(requirements).digest('hex').slice(0, 16);
  const folder = join(repository, 'node_modules/.cache/hubwire-examples', name);
  const python = join(folder, 'bin/python');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return python;
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run('python3', ['-m', 'venv', folder]);
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1'];
    await run(python, [...install, '-r', join(examples, 'fastapi/requirements.txt')], { timeout: installMs - 20_000 });
    await writeFile(complete, '');
    return python;
  } catch (error) {
    return notRun(context, `the packages of examples/fastapi cannot be installed: ${String(error).split('\n', 1)[0]}`);
  }
}

// ------------------------------------------------------------------------------------------------------------- aspnet

describe('examples/aspnet', () => {
  test('compiles', { timeout: installMs }, async context => {
    // Not `notRun`: machines that run everything need not have it.
    if (!hasProgram('dotnet')) context.skip('there is no .NET SDK');
    await run('dotnet', ['build', '--nologo', join(examples, 'aspnet')]);
  });
});
