import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { noBrowser, startBrowser } from '../support/browser.js';
import { repository } from '../support/doc-pages.js';
import { HubwireProcess } from '../support/hubwire-process.js';
import { notRun } from '../support/not-run.js';

/** The service with the shipped hubs.yaml and the sample; gives the page's URL, which it prints. */
async function startSample(): Promise<string> {
  const ports = ['--port', '0', '--admin-port', '0'];
  const args = ['start', '--sample', '--hubs', join(repository, 'hubs.yaml'), ...ports];
  const hubwire = new HubwireProcess(args, { SAMPLE_PORT: '0' });
  onTestFinished(async () => {
    hubwire.signal('SIGTERM'); // it stops the sample
    await hubwire.exit;
  });
  const [, url] = await hubwire.find(/^ {2}sample: Pusher page on (\S+)\n/m);
  return url as string;
}

function post(url: string, headers: Record<string, string>, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body });
}

function forgeWebhook(url: string): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    'x-pusher-key': 'app-key',
    'x-pusher-signature': 'f'.repeat(64),
  };
  return post(`${url}/webhooks`, headers, '{"time_ms":1,"events":[{"name":"channel_occupied","channel":"forged"}]}');
}

test('a tab is a member; webhooks of members arrive signed, and a forged one is refused', async context => {
  const browser = (await startBrowser()) ?? notRun(context, noBrowser);
  onTestFinished(() => browser.close());
  const url = await startSample();
  const complaints: string[] = [];
  const open = async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', error => complaints.push(String(error)));
    await page.goto(url);
    await page.locator('#status.online').waitFor();
    const id = ((await page.locator('#status').textContent()) ?? '').replace('Connected as ', '');
    return { page, id };
  };
  const webhook = (page: Page, kind: string, text: string) =>
    page.locator(`#webhooks li.${kind}`, { hasText: text }).waitFor();

  const first = await open();
  await webhook(first.page, 'signed', 'channel_occupied presence-tabs');
  await webhook(first.page, 'signed', `member_added presence-tabs ${first.id}`);
  const second = await open();
  const other = first.page.locator('#members li', { hasText: second.id });
  await other.waitFor();
  expect(await second.page.locator('#members li').count()).toBe(2);
  await webhook(first.page, 'signed', `member_added presence-tabs ${second.id}`);
  await second.page.close();
  await other.waitFor({ state: 'detached' });
  expect(await first.page.locator('#members li').allTextContents()).toEqual([`${first.id} (this tab)`]);
  await webhook(first.page, 'signed', `member_removed presence-tabs ${second.id}`);

  expect(await first.page.locator('#webhooks li.unsigned').count()).toBe(0);
  expect((await forgeWebhook(url)).status).toBe(401);
  await webhook(first.page, 'unsigned', 'refused');
  expect(await first.page.getByText('forged').count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('the sample authorises its own channel only, and refuses a webhook that is not signed', async () => {
  const url = await startSample();
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const authorise = (channel: string) => post(`${url}/auth`, form, `socket_id=1.2&channel_name=${channel}`);
  const answer = await (await authorise('presence-tabs')).json();
  expect(answer).toMatchObject({ auth: expect.stringMatching(/^app-key:/), channel_data: '{"user_id":"1.2"}' });
  expect((await authorise('private-orders')).status).toBe(403);
  expect((await forgeWebhook(url)).status).toBe(401);
  expect(await (await fetch(`${url}/webhooks`)).json()).toMatchObject([{ isSigned: false, events: [] }]);
});
