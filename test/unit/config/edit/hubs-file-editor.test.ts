import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../../src/clock.js';
import { HubsFileEditor } from '../../../../src/config/edit/hubs-file-editor.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hubs-file-editor-'));
  file = join(folder, 'hubs.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const editorOf = (env = {}) => new HubsFileEditor({ file, env, clock: systemClock });
const text = () => readFileSync(file, 'utf8');

test('[MG-013] without a file the first put creates it, with the schema comment', async () => {
  const { hub, isNew } = await editorOf().put('MyHub', { anonymousConnectPolicy: 'deny' });
  expect({ hub, isNew }).toEqual({ hub: { name: 'MyHub', settings: {} }, isNew: true });
  expect(text()).toBe('# yaml-language-server: $schema=./node_modules/hubwire/hubs.schema.json\nhubs:\n  MyHub: {}\n');
});

test('[MG-012] a name ignores case, and keeps the spelling of the file', async () => {
  writeFileSync(file, 'hubs:\n  Chat: # one\n    anonymousConnectPolicy: allow\n');
  const { hub, isNew } = await editorOf().put('cHAT', { webSocketKeepAliveIntervalInSeconds: 30 });
  expect({ name: hub.name, isNew }).toEqual({ name: 'Chat', isNew: false });
  expect(text()).toBe('hubs:\n  Chat: # one\n    webSocketKeepAliveIntervalInSeconds: 30\n');
  expect(await editorOf().delete('chat')).toBe(true);
  expect(await editorOf().delete('chat')).toBe(false);
  expect(await editorOf().list()).toEqual([]);
});

test('problems of a hub have the path within it', async () => {
  writeFileSync(file, 'hubs: {}\n');
  const put = editorOf().put('chat', { eventHandlers: [{ urlTemplate: 'ftp://x' }] });
  await expect(put).rejects.toMatchObject({
    kind: 'invalid',
    problems: [{ path: 'eventHandlers[0].urlTemplate', reason: expect.stringContaining('http') }],
  });
  expect(text()).toBe('hubs: {}\n');
});

test('[MG-006] without a service, variables that the file has and that are not set here do not matter; new ones do', async () => {
  const written = 'hubs:\n  chat:\n    eventHandlers: [{ urlTemplate: "http://$' + '{HOST}/" }]\n';
  writeFileSync(file, written);
  await editorOf().put('news', { webSocketKeepAliveIntervalInSeconds: 30 });
  expect(text()).toBe(`${written}  news:\n    webSocketKeepAliveIntervalInSeconds: 30\n`);
  expect((await editorOf().list()).map(({ name }) => name)).toEqual(['chat', 'news']);
  const put = editorOf().put('news', {
    eventHandlers: [{ urlTemplate: 'http://h/', userEventPattern: `${'$'}{OTHER}` }],
  });
  await expect(put).rejects.toMatchObject({
    problems: [{ path: 'eventHandlers[0].userEventPattern', reason: expect.stringContaining('OTHER is not set') }],
  });
});

test('[MG-009] with a service, a variable that is not set is refused even if the file has it', async () => {
  const written = 'hubs:\n  chat:\n    eventHandlers: [{ urlTemplate: "http://$' + '{HOST}/" }]\n';
  writeFileSync(file, written);
  const editor = new HubsFileEditor({ file, env: {}, clock: systemClock, expected: () => written });
  await expect(editor.put('news', { webSocketKeepAliveIntervalInSeconds: 30 })).rejects.toMatchObject({
    kind: 'invalid',
  });
  expect(text()).toBe(written);
});
