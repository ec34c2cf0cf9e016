import { expect, test } from 'vitest';
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
    ...{ service, settings, file, isManaged: true, hub: 'orders', sampleLine: undefined, env: {}, isTerminal: true },
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
