import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AppServer } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { adminToken, type ManagedService, startManaged, subscription } from '../support/managed-service.js';

const resource = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.SignalRService/webPubSub/name`;

/** Over plain HTTP. */
async function call({ adminUrl }: ManagedService, method: string, path: string, body?: object) {
  const answer = await fetch(`${adminUrl}${resource}${path}?api-version=2024-03-01`, {
    method,
    headers: { authorization: `Bearer ${adminToken}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

const put = (started: ManagedService, hub: string, properties: object) =>
  call(started, 'PUT', `/hubs/${hub}`, { properties });

const yaml = `# ours
hubs:
  Chat: # the chat

    eventHandlers: [ ] # none yet
limits: { maxConnections: 50 }
`;
const start = (more = '') => startManaged({ hasTls: false, yaml: yaml + more });

async function startApp(): Promise<AppServer> {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  return app;
}

const applied = (started: ManagedService) =>
  started.lines.filter(line => line.includes('new configuration is applied'));

describe('[MG-004] when a PUT is answered', () => {
  test('the next event goes to the new handler, and the watcher does not apply the edit once more', async () => {
    const app = await startApp();
    const started = await start();
    const client = await started.dial({ protocols: ['json.webpubsub.azure.v1'] });
    await client.next();
    const answer = await put(started, 'chat', { eventHandlers: [{ urlTemplate: app.url, userEventPattern: '*' }] });
    expect([answer.status, answer.body.name]).toEqual([200, 'Chat']);
    client.send({ type: 'event', event: 'vote', dataType: 'text', data: 'x', ackId: 1 });
    expect(await client.next()).toMatchObject({ type: 'ack', success: true });
    expect(app.posts).toHaveLength(1);
    await setTimeout(400); // four times what the watch waits for content to stay the same
    expect(applied(started)).toHaveLength(1);
    await writeFile(started.file, `${await started.text()}# by hand\nreliable: { recoveryWindowInSeconds: 40 }\n`);
    await eventually(() => expect(applied(started)).toHaveLength(2));
  });

  test('[MG-003] it does not wait for an app that does not answer', async () => {
    const app = await startApp();
    const held: ServerResponse[] = [];
    app.onOptions = response => void held.push(response);
    const started = await start();
    const answer = await put(started, 'chat', { eventHandlers: [{ urlTemplate: app.url, userEventPattern: '*' }] });
    expect(answer.status).toBe(200);
    expect(await started.text()).toContain(app.url);
    for (const response of held) response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
  });

  test('[MG-011] others at the same time are in the file too', async () => {
    const started = await start();
    const names = Array.from({ length: 6 }, (_, index) => `hub${index}`);
    const answers = await Promise.all([
      ...names.map(name => put(started, name, { anonymousConnectPolicy: 'allow' })),
      call(started, 'DELETE', '/hubs/CHAT'),
      call(started, 'PATCH', '', { properties: { disableAadAuth: true } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([...names.map(() => 201), 200, 200]);
    const { value } = (await call(started, 'GET', '/hubs')).body;
    expect(value.map(({ name }: { name: string }) => name).sort()).toEqual(names);
    expect(await started.text()).toMatch(/^auth:\n {2}disableAadAuth: true$/m);
  });
});

test('[MG-001] PUT, PATCH and DELETE leave everything else in the file byte for byte', async () => {
  const more = 'auth: # who\n  disableLocalAuth: false # keys too\n';
  const started = await start(more);
  expect((await put(started, 'news', { webSocketKeepAliveIntervalInSeconds: 30 })).status).toBe(201);
  expect((await call(started, 'PATCH', '', { properties: { disableAadAuth: true } })).status).toBe(200);
  const added = '  news:\n    webSocketKeepAliveIntervalInSeconds: 30\n';
  const edited = (yaml + more)
    .replace('limits:', `${added}limits:`)
    .replace('keys too\n', 'keys too\n  disableAadAuth: true\n');
  expect(await started.text()).toBe(edited);
  expect((await call(started, 'DELETE', '/hubs/news')).status).toBe(200);
  expect((await call(started, 'PATCH', '', { properties: { disableAadAuth: false } })).status).toBe(200);
  expect(await started.text()).toBe(yaml + more);
});

test('[MG-009] a file that was edited by hand and is not in use yet is not written; afterwards it is', async () => {
  const started = await start();
  const byHand = yaml.replace('# ours', '# ours, and yours');
  await writeFile(started.file, byHand);
  for (const [method, path, body] of [
    ['PUT', '/hubs/news', { properties: {} }],
    ['DELETE', '/hubs/chat', undefined],
    ['PATCH', '', { properties: { disableAadAuth: true } }],
  ] as const) {
    const refused = await call(started, method, path, body);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'Conflict']);
    expect(refused.body.error.message).toContain(`${started.file} differs from the configuration in use`);
  }
  expect(await started.text()).toBe(byHand);
  await eventually(() => expect(applied(started)).toHaveLength(1));
  expect((await put(started, 'news', {})).status).toBe(201);
  expect(await started.text()).toBe(byHand.replace('limits:', '  news: {}\nlimits:'));
});

test('[MG-010] a hub that is an alias is answered 409 with the reason', async () => {
  const started = await startManaged({
    hasTls: false,
    yaml: 'hubs:\n  a: &a { anonymousConnectPolicy: allow }\n  b: *a\n',
  });
  for (const [hub, reason] of [
    ['b', 'it is written as the alias `*a`'],
    ['a', 'it has the anchor `&a`, which other parts of the file use'],
  ] as const) {
    const { status, body } = await put(started, hub, {});
    expect([status, body.error]).toEqual([
      409,
      { code: 'Conflict', message: `hub ${hub} cannot be edited in ${started.file}: ${reason}; edit the file by hand` },
    ]);
  }
  const { body } = await call(started, 'GET', '/hubs/b');
  expect(body.properties.anonymousConnectPolicy).toBe('allow');
});

test('[MG-007] [MG-008] what @azure/arm-webpubsub reads and writes back leaves the file as it was', async () => {
  const odd = `hubs:
  Chat: # note
    anonymousConnectPolicy: deny # the default, written out
    eventHandlers:
      - urlTemplate: 'http://127.0.0.1:1/{event}?code=\${CODE}'
        systemEvents: [ connected,
          disconnected ]
        delivery: durable
        groupPresenceEvents: { eventNames: [joined] }
      # second
      - { urlTemplate: "http://127.0.0.1:1/", userEventPattern: "*", auth: { type: None } }
queue: { driver: memory }
`;
  const started = await startManaged({ yaml: odd, env: { CODE: 'planted' } });
  const { arm } = started.client();
  const { properties } = await arm.webPubSubHubs.get('chat', 'rg', 'name');
  expect(JSON.stringify(properties)).not.toContain('planted');
  await arm.webPubSubHubs.beginCreateOrUpdateAndWait('chat', 'rg', 'name', { properties });
  expect(await started.text()).toBe(odd);
  properties.eventHandlers?.push({ urlTemplate: `http://127.0.0.1:1/\${CODE}`, userEventPattern: 'vote' });
  await arm.webPubSubHubs.beginCreateOrUpdateAndWait('chat', 'rg', 'name', { properties });
  const added = `      - urlTemplate: http://127.0.0.1:1/\${CODE}\n        userEventPattern: vote\n`;
  expect(await started.text()).toBe(odd.replace('queue:', `${added}queue:`));
});
