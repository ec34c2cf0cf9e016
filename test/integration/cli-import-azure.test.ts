import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { fileWith, runHubwire } from '../support/hubwire-process.js';

const hub = (name: string, urlTemplate: string) => ({
  id: `/subscriptions/x/resourceGroups/rg/providers/Microsoft.SignalRService/WebPubSub/svc/hubs/${name}`,
  name,
  properties: {
    anonymousConnectPolicy: 'allow',
    eventHandlers: [{ auth: null, systemEvents: null, urlTemplate, userEventPattern: '*' }],
    eventListeners: null,
    webSocketKeepAliveIntervalInSeconds: 20,
  },
  resourceGroup: 'rg',
  type: 'Microsoft.SignalRService/WebPubSub/hubs',
});

test('import azure: what `az webpubsub hub list` printed becomes a hubs.yaml; secrets are nowhere', async () => {
  const file = await fileWith(
    JSON.stringify([hub('chat', 'https://h/{event}?code=hush'), hub('logs', 'http://h')]),
    'hubs.json',
  );
  const out = join(dirname(file), 'hubs.yaml');
  const outcome = await runHubwire(['import', 'azure', file, '--env', '--out', out]);
  expect(outcome).toMatchObject({ code: 0, stdout: '' });
  expect(outcome.stderr).toBe(
    `2 hub(s) written to ${out}\nsecrets to set as environment variables:\n  CHAT_CODE: hub chat, urlTemplate\n`,
  );
  const text = await readFile(out, 'utf8');
  expect(text).not.toContain('hush');
  expect(Object.keys((parse(text) as { hubs: object }).hubs)).toEqual(['chat', 'logs']);
  const shown = await runHubwire(['hub', 'show', '--hub-name', 'chat', '--hubs', out], { CHAT_CODE: 'hush' });
  expect(JSON.parse(shown.stdout).properties).toMatchObject({ anonymousConnectPolicy: 'allow' });

  // What `hub show` printed is read again.
  const again = await fileWith(shown.stdout, 'hub.json');
  expect((await runHubwire(['import', 'azure', again])).stdout).toContain('chat:\n    anonymousConnectPolicy: allow\n');
});
