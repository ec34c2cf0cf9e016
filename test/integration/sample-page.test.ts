import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { noBrowser, startBrowser } from '../support/browser.js';
import { notRun } from '../support/not-run.js';

const root = join(import.meta.dirname, '../..');
const waitMs = 15_000;

/** A child process, and everything it has said, line by line. */
class Program {
  private readonly said: string[] = [];
  private readonly heard = new Set<() => void>();
  private readonly process: ChildProcess;
  /** Its exit code; null when a signal ended it. */
  readonly exitCode: Promise<number | null>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
    this.exitCode = once(this.process, 'close').then(([code]) => code);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      createInterface({ input: stream! }).on('line', line => this.hear(line));
    }
    this.process.on('close', () => this.hear(`(ended with ${this.process.exitCode ?? this.process.signalCode})`));
  }

  /** Resolves with what `pattern` found in the first line that matches, said already or still to come. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const giveUp = () => settle(() => reject(new Error(`no ${pattern} in:\n${this.said.join('\n')}`)));
      const timer = setTimeout(giveUp, waitMs);
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        this.heard.delete(look);
        outcome();
      };
      const look = () => {
        const found = this.said.map(line => pattern.exec(line)).find(match => match !== null);
        if (found) settle(() => resolve(found));
        else if (this.said.at(-1)?.startsWith('(ended')) giveUp();
      };
      this.heard.add(look);
      look();
    });
  }

  /** What it has written, line by line. */
  get lines(): readonly string[] {
    return this.said;
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.process.kill('SIGINT');
  }

  /** Asks it to stop, if it still runs. */
  stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return this.exitCode;
  }

  /** Ends it without a chance to do anything. */
  kill(): void {
    this.process.kill('SIGKILL');
  }

  private hear(line: string): void {
    this.said.push(line);
    for (const look of [...this.heard]) look();
  }
}

let folder: string;
let service: Program;
let sample: Program;
let browser: Browser | undefined;
let url: string;

const handlerFor = (port: string) => `hubs:
  chat:
    eventHandlers:
      - urlTemplate: http://localhost:${port}/eventhandler/{event}
        systemEvents: [connect, connected, disconnected]
        userEventPattern: "*"
`;

// The sample needs the service's address and hubs.yaml the sample's, so the file is completed while the service runs.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hubwire-page-'));
  const hubsFile = join(folder, 'hubs.yaml');
  await writeFile(hubsFile, 'hubs:\n  chat: {}\n');
  service = new Program(['dist/main.js', 'start', '--json', '--port', '0', '--admin-port', '0', '--hubs', hubsFile]);
  const listening = JSON.parse((await service.line(/^\{"event":"listening".*/))[0]);

  sample = new Program(['dist/sample/server.js'], {
    SAMPLE_PORT: '0',
    WebPubSubConnectionString: listening.connectionString,
  });
  const [, page, port] = await sample.line(/^sample: chat page on (http:\/\/localhost:(\d+))$/);
  url = page!;

  await writeFile(hubsFile, handlerFor(port!));
  await service.line(new RegExp(`\\bactive\\b.*localhost:${port}|localhost:${port}.*\\bactive\\b`));

  browser = await startBrowser();
}, 4 * waitMs);

afterAll(async () => {
  await browser?.close();
  await service?.stop(); // first, so that its last events find the sample
  await sample?.stop();
  await rm(folder, { recursive: true, force: true });
}, waitMs);

interface Tab {
  readonly page: Page;
  /** What the browser complained about. */
  readonly complaints: string[];
}

function requireBrowser(context: TestContext): Browser {
  return browser ?? notRun(context, noBrowser);
}

async function openTab(chromium: Browser): Promise<Tab> {
  const page = await chromium.newPage();
  page.setDefaultTimeout(waitMs);
  const complaints: string[] = [];
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/** Waits until the tab is connected under a name that matches, and answers it. */
async function connectedAs(page: Page, name: RegExp): Promise<string> {
  const status = page.locator('#status.online', { hasText: new RegExp(`^Connected as ${name.source}$`) });
  await status.waitFor();
  return ((await status.textContent()) ?? '').replace('Connected as ', '');
}

async function rename(page: Page, name: string): Promise<void> {
  await page.locator('#name').fill(name);
  await page.locator('#name').press('Enter');
  await connectedAs(page, new RegExp(name));
}

async function say(page: Page, line: string): Promise<void> {
  await page.locator('#text').fill(line);
  await page.locator('#send').click();
}

/** Waits for an entry of the list with exactly this sender and text. */
async function sees(page: Page, kind: 'message' | 'notice', text: string, from?: string): Promise<void> {
  const whole = `${from ?? ''}${text}`;
  const entry = page.locator(`#messages li.${kind}`).filter({ has: page.getByText(text, { exact: true }) });
  await entry.waitFor();
  expect(await entry.allTextContents()).toEqual([whole]);
}

test('[UE-036] [UE-042] [UE-070] [CP-047] [CP-063] [RA-035] two tabs chat, with names, notices and answers', async context => {
  const chromium = requireBrowser(context);
  const ada = await openTab(chromium);
  await connectedAs(ada.page, /guest-\d{4}/);
  await rename(ada.page, 'Ada');

  const zoe = await openTab(chromium);
  const guest = await connectedAs(zoe.page, /guest-\d{4}/);
  await sees(ada.page, 'notice', `${guest} joined`);
  await rename(zoe.page, 'Zoë 佐江');
  await sees(ada.page, 'notice', `${guest} left`);
  await sees(ada.page, 'notice', 'Zoë 佐江 joined');

  await say(ada.page, 'hello from the first tab');
  await sees(zoe.page, 'message', 'hello from the first tab', 'Ada');
  await sees(ada.page, 'message', 'hello from the first tab', 'Ada');
  await say(zoe.page, '<img src=x onerror=alert(1)> & "quotes"');
  await sees(ada.page, 'message', '<img src=x onerror=alert(1)> & "quotes"', 'Zoë 佐江');
  expect(await ada.page.locator('#messages img').count()).toBe(0);

  await say(zoe.page, '/who');
  await sees(zoe.page, 'notice', 'Here now: Ada, Zoë 佐江');
  await say(zoe.page, '/dance');
  await sees(zoe.page, 'notice', 'Unknown command /dance. Try /who');
  // The answers are older than this message, so the other tab would have them by now.
  await say(zoe.page, 'done');
  await sees(ada.page, 'message', 'done', 'Zoë 佐江');
  expect(await ada.page.getByText('Here now').count()).toBe(0);

  await ada.page.reload();
  await connectedAs(ada.page, /Ada/);
  await zoe.page.close();
  await sees(ada.page, 'notice', 'Zoë 佐江 left');
  expect({ ada: ada.complaints, zoe: zoe.complaints }).toEqual({ ada: [], zoe: [] });
}, 60_000);

test('[B2] the sample takes a free port when its own is taken, and ends on SIGTERM', async () => {
  const { port } = new URL(url);
  const second = new Program(['dist/sample/server.js'], { SAMPLE_PORT: port });
  const [, moved] = await second.line(/^sample: chat page on http:\/\/localhost:(\d+) \(port \d+ is taken\)$/);
  expect(moved).not.toBe(port);
  expect((await fetch(`http://localhost:${moved}/`)).status).toBe(200);
  expect(await second.stop()).toBe(0);
}, 30_000);

test('[B2] `start --sample` sends events to the port that the sample took', async () => {
  const ports = ['--port', '0', '--admin-port', '0'];
  const whole = new Program(['dist/main.js', 'start', '--sample', ...ports], { SAMPLE_PORT: new URL(url).port });
  const [, moved] = await whole.line(/^ {2}sample: chat page on http:\/\/localhost:(\d+) \(/);
  await whole.line(new RegExp(`✔ chat .*localhost:${moved}/eventhandler/\\{event\\} {2}active`));
  expect(await whole.stop()).toBe(0);
}, 30_000);

test('when `start --sample` is killed, the sample ends', async () => {
  const ports = ['--port', '0', '--admin-port', '0'];
  const whole = new Program(['dist/main.js', 'start', '--sample', ...ports], { SAMPLE_PORT: '0' });
  const [, pageUrl = ''] = await whole.line(/^ {2}sample: chat page on (\S+)$/);
  expect((await fetch(pageUrl)).status).toBe(200);
  whole.kill();
  await whole.exitCode; // comes once nobody has its standard error, which the sample shares
  await expect(fetch(pageUrl)).rejects.toThrow();
}, 30_000);

test('Ctrl-C with pages open: nothing but "stopped"', async context => {
  const chromium = requireBrowser(context);
  const ports = ['--port', '0', '--admin-port', '0'];
  const whole = new Program(['dist/main.js', 'start', '--sample', ...ports], { SAMPLE_PORT: '0' });
  const [, pageUrl] = await whole.line(/^ {2}sample: chat page on (\S+)$/);
  await whole.line(/✔ chat .*active/);
  const [ada, zoe] = [await chromium.newPage(), await chromium.newPage()];
  for (const page of [ada, zoe]) {
    await page.goto(pageUrl!);
    await connectedAs(page, /guest-\d{4}/);
  }
  whole.interrupt();
  await whole.line(/^stopped$/);
  expect(await whole.exitCode).toBe(0);
  expect(whole.lines.filter(line => line.startsWith('sample:'))).toEqual([]);
  await Promise.all([ada.close(), zoe.close()]);
}, 60_000);
