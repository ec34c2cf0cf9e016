import { describe, expect, test } from 'vitest';
import { pusherClientLines } from '../../../src/cli/app-lines.js';
import { type Welcome, welcomeLines } from '../../../src/cli/banner.js';
import type { Service } from '../../../src/service.js';

const clientUrl = `ws://localhost:8080/client/hubs/orders?access_token=${'e'.repeat(300)}`;
const connectionString = `Endpoint=http://localhost:8080;AccessKey=${'K'.repeat(44)};Version=1.0;`;

function welcome(changes: Partial<Welcome> = {}): readonly string[] {
  const handler = {
    ...{ hub: 'orders', url: 'http://localhost:3000/eventhandler/{event}', state: 'active' },
    events: 'connect, connected, disconnected, user events *',
  };
  const service = {
    ...{ publicUrl: 'http://localhost:8080', adminUrl: 'http://localhost:8081', connectionString, handlers: [handler] },
    endpoints: { primary: 'http://localhost:8080' },
    clientUrl: (hub: string) => clientUrl.replace('orders', hub),
  } as unknown as Service;
  const keys = { primary: 'K'.repeat(44), secondary: undefined };
  const settings = { keys, isDevelopmentKey: false, weakness: undefined, warnings: [] };
  const file = { path: 'hubs.yaml', isMissing: false };
  return welcomeLines({
    ...{ service, settings, file, isManaged: true, hub: 'orders', apps: [], sampleLine: undefined, env: {} },
    isTerminal: true,
    ...changes,
  });
}

test('[F4] lines fit 80 columns, but for two that are to be copied and stand alone', () => {
  expect(welcome().filter(line => line.length > 80)).toEqual([
    connectionString,
    `npx wscat -s json.webpubsub.azure.v1 -c "${clientUrl}"`,
  ]);
});

test('[F4] the last line is one to try', () => {
  expect(welcome().at(-1)).toMatch(/^npx wscat /);
});

test.each([
  ['orders', 'orders'],
  [undefined, 'chat'],
])('[F17] the client URL is of the first hub of the file, handlers or none: %s', (hub, shown) => {
  expect(welcome({ hub }).at(-1)).toContain(`/client/hubs/${shown}?`);
});

test('without a terminal, a key of one’s own is not shown, nor what it signs', () => {
  const text = welcome({ isTerminal: false }).join('\n');
  expect(text).toContain('AccessKey=***;');
  expect(text).not.toMatch(/KKKK|eeee/);
  expect(text).toMatch(/-c "\$\(.*token --hub orders\)"$/);
});

describe('apps', () => {
  const own = { id: '42', sampleKey: undefined };
  const sample = { id: 'app', sampleKey: 'app-key' };

  test('are named by their ids, of many the first five', () => {
    expect(welcome({ apps: [own, sample] })).toContain('  apps               42, app');
    const many = Array.from({ length: 7 }, (_, index) => ({ id: `a${index}`, sampleKey: undefined }));
    expect(welcome({ apps: many })).toContain('  apps               a0, a1, a2, a3, a4 and 2 more');
    expect(welcome().join('\n')).not.toContain('  apps  ');
    expect(welcome({ apps: [own] }).at(-1)).toContain('json.webpubsub.azure.v1');
  });

  test('without a hub in the file: how Pusher clients reach them, without a key of one’s own', () => {
    const lines = welcome({ hub: undefined, apps: [own] });
    expect(lines.at(-1)).toBe('  Pusher clients     host localhost, port 8080, key of app 42');
    expect(lines.join('\n')).not.toContain('webpubsub.azure');
  });

  test('without a hub in the file: the key of a sample, and a line to try', () => {
    expect(welcome({ hub: undefined, apps: [sample] }).slice(-3)).toEqual([
      '  Pusher clients     host localhost, port 8080, key app-key',
      '  a client of app app to try:',
      'npx wscat -c ws://localhost:8080/app/app-key',
    ]);
    expect(pusherClientLines([sample], 'https://hub.example.com/x/')).toEqual([
      '  Pusher clients     host hub.example.com, port 443, path /x, TLS, key app-key',
      '  a client of app app to try:',
      'npx wscat -c wss://hub.example.com/x/app/app-key',
    ]);
  });
});

test('the command for a client URL says where the service is, where verbs would look elsewhere', () => {
  const env = { HUBWIRE_ENDPOINT: 'https://hub.example.com' };
  const line = welcome({ isTerminal: false, env }).at(-1);
  expect(line).toMatch(/token --hub orders --endpoint http:\/\/localhost:8080\)"$/);
});

test('a file that is missing is said to be, with the command that writes one', () => {
  const lines = welcome({ file: { path: 'hubs.yaml', isMissing: true } });
  expect(lines.find(line => line.includes('hubs  '))).toMatch(/no hubs\.yaml; write one with: .*init$/);
});

test('the management API is named where there is a token for it, and the listener where it is on', () => {
  const adminLine = (changes: Partial<Welcome>) => welcome(changes).find(line => line.startsWith('  admin  '));
  expect(adminLine({})).toMatch(/ http:\/\/localhost:8081 {2}\(health, metrics, management\)$/);
  expect(adminLine({ isManaged: false })).toMatch(/ {2}\(health, metrics\)$/);
});

test('[MG-120] an admin token that was made at start stands alone on its line, and none is mentioned otherwise', () => {
  const token = 'a'.repeat(48);
  expect(welcome({ adminToken: token })).toContain(`http://localhost:8081/#token=${token}`);
  expect(welcome().join('\n')).not.toContain('token=a');
});
