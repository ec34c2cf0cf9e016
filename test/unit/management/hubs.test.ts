import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import { HubsFileEditor } from '../../../src/config/edit/hubs-file-editor.js';
import type { ApiVersion } from '../../../src/management/api-version.js';
import { ApiFailure } from '../../../src/management/failures.js';
import type { HubResource } from '../../../src/management/hub-shapes.js';
import { hubOperations } from '../../../src/management/hubs.js';

const stable = '2024-03-01';
const withPresence = '2025-08-01-preview';
const sub = '00000000-0000-0000-0000-000000000000';
const id = `/subscriptions/${sub}/resourceGroups/g/providers/Microsoft.SignalRService/WebPubSub/r/hubs`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hubs-'));
  file = join(folder, 'hubs.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const env = { CODE: 'planted-secret', SECONDS: '40' };
const text = () => readFileSync(file, 'utf8');

function operations() {
  const editor = new HubsFileEditor({ file, env, clock: systemClock });
  const all = hubOperations(() => editor);
  const call = async (name: string, hub: string, { body, apiVersion }: { body?: unknown; apiVersion?: ApiVersion }) => {
    const operation = all.find(each => each.name === name);
    const params = { sub, rg: 'g', name: 'r', hub };
    return operation!.run({ params, apiVersion: apiVersion ?? stable, body, tenantId: undefined });
  };
  return {
    list: async () => ((await call('listHubs', '', {})).body as { value: HubResource[] }).value,
    get: async (hub: string, apiVersion?: ApiVersion) =>
      (await call('getHub', hub, { ...(apiVersion && { apiVersion }) })).body as HubResource,
    put: (hub: string, properties: unknown, apiVersion?: ApiVersion) =>
      call('putHub', hub, { body: { properties }, ...(apiVersion && { apiVersion }) }),
    putBody: (hub: string, body: unknown) => call('putHub', hub, { body }),
    delete: (hub: string) => call('deleteHub', hub, {}),
  };
}

/** What a request is refused with. */
async function problemsOf(request: Promise<unknown>): Promise<readonly (readonly [string | undefined, string])[]> {
  const failure = await request.then(
    () => undefined,
    error => error as ApiFailure,
  );
  expect(failure).toBeInstanceOf(ApiFailure);
  expect([failure!.status, failure!.code]).toEqual([400, 'InvalidRequestContent']);
  const { target, details = [] } = failure!.more;
  expect({ target, message: failure!.message }).toEqual({ target: details[0]?.target, message: details[0]?.message });
  return details.map(({ target, message }) => [target, message]);
}

const seen = {
  eventHandlers: [
    { urlTemplate: 'http://host.com', userEventPattern: '*' },
    {
      urlTemplate: 'http://host2.com',
      systemEvents: ['connected', 'disconnected'],
      auth: { type: 'ManagedIdentity', managedIdentity: { resource: 'uri://myUri' } },
    },
  ],
  eventListeners: [],
  anonymousConnectPolicy: 'deny',
  webSocketKeepAliveIntervalInSeconds: 20,
};

describe('a hub that was put', () => {
  test('is answered in the shape of the vendor, in the order of the file', async () => {
    writeFileSync(file, 'hubs:\n  first: {}\n');
    const { put, list, get } = operations();
    const answer = await put('MyHub', seen);
    const resource = {
      id: `${id}/MyHub`,
      name: 'MyHub',
      type: 'Microsoft.SignalRService/WebPubSub/hubs',
      properties: seen,
    };
    expect(answer).toEqual({ status: 201, body: resource });
    expect(await get('myhub')).toEqual(resource);
    expect((await list()).map(({ name }) => name)).toEqual(['first', 'MyHub']);
    expect((await put('MYHUB', seen)).status).toBe(200);
  });

  test('[MG-005] values that equal the defaults are not written', async () => {
    const { put } = operations();
    writeFileSync(file, 'hubs: {}\n');
    await put('MyHub', { anonymousConnectPolicy: 'deny', webSocketKeepAliveIntervalInSeconds: 20, eventHandlers: [] });
    expect(text()).toBe('hubs:\n  MyHub: {}\n');
    await put('other', { eventHandlers: [{ urlTemplate: 'http://h', auth: { type: 'None' }, systemEvents: [] }] });
    expect(text()).toBe('hubs:\n  MyHub: {}\n  other:\n    eventHandlers:\n      - urlTemplate: http://h\n');
  });

  test('null and left out are the same, as the vendor writes them', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const { put, get } = operations();
    const handler = { urlTemplate: 'http://h', auth: null, systemEvents: null, userEventPattern: '*' };
    await put('chat', { eventHandlers: [handler], eventListeners: null, anonymousConnectPolicy: null });
    expect((await get('chat')).properties.eventHandlers).toEqual([{ urlTemplate: 'http://h', userEventPattern: '*' }]);
  });

  test('an answer can be sent back as it is, read-only fields included', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const { put, get, putBody } = operations();
    await put('chat', seen);
    const before = text();
    expect((await putBody('chat', { ...(await get('chat')), resourceGroup: 'g', systemData: {} })).status).toBe(200);
    expect(text()).toBe(before);
  });

  test('a hub that is removed: 200, and 204 when there was none', async () => {
    writeFileSync(file, 'hubs:\n  Chat: {}\n  news: {}\n');
    const remove = operations().delete;
    expect(await remove('chat')).toEqual({ status: 200 });
    expect(await remove('chat')).toEqual({ status: 204 });
    expect(text()).toBe('hubs:\n  news: {}\n');
  });

  test('a hub that is not there is not found', async () => {
    writeFileSync(file, 'hubs: {}\n');
    await expect(operations().get('chat')).rejects.toMatchObject({ kind: 'notFound' });
  });
});

/** Each part written in another way, and with what the management API does not know. */
const odd = `# about the file
hubs:
  Chat: # about the hub

    anonymousConnectPolicy: Deny   # the default, written out
    webSocketKeepAliveIntervalInSeconds: \${SECONDS}
    eventHandlers:
      # about the first
      - urlTemplate: 'https://h/{event}?code=\${CODE}'
        systemEvents: [ connect,
          Connected ] # two
        userEventPattern:
        delivery: durable
        groupPresenceEvents: { eventNames: [joined], groupFilters: ["$\${x}"] }
      - { urlTemplate: "https://h/", auth: { type: None }, userEventPattern: "*" }
      -   urlTemplate: >-
            https://h/folded
          systemEvents: []
    webhooks:
      - url: https://w/hook
        event_types: ["*"]
  # about news
  news:
limits:
  maxConnections: 5
`;

describe('what was read', () => {
  test('[MG-006] has variables as they stand in the file, and never their values', async () => {
    writeFileSync(file, odd);
    const { get, list } = operations();
    const shown = JSON.stringify([await get('chat'), await list()]);
    expect(shown).not.toContain(env.CODE);
    expect((await get('chat')).properties).toMatchObject({
      webSocketKeepAliveIntervalInSeconds: `\${SECONDS}`,
      eventHandlers: [{ urlTemplate: `https://h/{event}?code=\${CODE}` }, {}, {}],
    });
  });

  test.each([stable, withPresence] as const)(
    '[MG-007] [MG-006] and put again with %s leaves the file as it was',
    async apiVersion => {
      writeFileSync(file, odd);
      const { get, put } = operations();
      for (const hub of ['chat', 'news']) {
        const { properties } = await get(hub, apiVersion);
        expect((await put(hub, properties, apiVersion)).status).toBe(200);
        expect(text()).toBe(odd);
      }
    },
  );

  test('[MG-006] a variable that is not set is refused, and one that is set is written by its name', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const { put } = operations();
    const withVariable = (name: string) => ({ eventHandlers: [{ urlTemplate: `http://h/\${${name}}` }] });
    expect(await problemsOf(put('chat', withVariable('UNSET')))).toEqual([
      ['properties.eventHandlers[0].urlTemplate', expect.stringContaining('environment variable UNSET is not set')],
    ]);
    await put('chat', withVariable('CODE'));
    expect(text()).toContain(`http://h/\${CODE}`);
    expect(text()).not.toContain(env.CODE);
  });
});

describe('what the management API, or its version, does not know', () => {
  const presence = { eventNames: ['joined'] };
  const handlersIn = async (hub: string) => (await operations().get(hub, withPresence)).properties.eventHandlers;

  test('[MG-008] group presence of the handler in the same place with the same URL survives older versions', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const { put, get } = operations();
    const handler = { urlTemplate: 'http://h', groupPresenceEvents: presence };
    await put('chat', { eventHandlers: [handler] }, withPresence);
    expect((await get('chat', stable)).properties.eventHandlers).toEqual([{ urlTemplate: 'http://h' }]);
    await put('chat', { eventHandlers: [{ urlTemplate: 'http://h', userEventPattern: '*' }] });
    expect(await handlersIn('chat')).toEqual([{ ...handler, userEventPattern: '*' }]);
    await put('chat', { eventHandlers: [{ urlTemplate: 'http://other' }] });
    expect(await handlersIn('chat')).toEqual([{ urlTemplate: 'http://other' }]);
  });

  test('[MG-008] and it moves with the handler when others are put before it', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const { put } = operations();
    const handler = { urlTemplate: 'http://h', groupPresenceEvents: presence };
    await put('chat', { eventHandlers: [handler] }, withPresence);
    await put('chat', { eventHandlers: [{ urlTemplate: 'http://new' }, { urlTemplate: 'http://h' }] });
    expect(await handlersIn('chat')).toEqual([{ urlTemplate: 'http://new' }, handler]);
  });

  test('[MG-008] versions that know group presence replace it', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const { put } = operations();
    await put('chat', { eventHandlers: [{ urlTemplate: 'http://h', groupPresenceEvents: presence }] }, withPresence);
    await put('chat', { eventHandlers: [{ urlTemplate: 'http://h' }] }, withPresence);
    expect(await handlersIn('chat')).toEqual([{ urlTemplate: 'http://h' }]);
  });

  test('settings that only hubs.yaml has survive, and are not shown', async () => {
    writeFileSync(file, odd);
    const { put, get } = operations();
    expect(JSON.stringify(await get('chat', withPresence))).not.toMatch(/webhooks|durable|hook/);
    await put('chat', { eventHandlers: [{ urlTemplate: `https://h/{event}?code=\${CODE}`, userEventPattern: 'a' }] });
    expect(text()).toContain('delivery: durable');
    expect(text()).toContain('    webhooks:\n      - url: https://w/hook\n        event_types: ["*"]\n');
    await put('chat', {});
    expect(text()).toContain('    webhooks:\n      - url: https://w/hook\n        event_types: ["*"]\n');
  });

  test('they are refused in a body, with the other problems of it', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const handler = { urlTemplate: 'ftp://h', delivery: 'durable', groupPresenceEvents: presence };
    const found = await problemsOf(operations().put('chat', { webhooks: [], eventHandlers: [handler] }));
    expect(found.map(([target]) => target)).toEqual([
      'properties.webhooks',
      'properties.eventHandlers[0].delivery',
      'properties.eventHandlers[0].groupPresenceEvents',
      'properties.eventHandlers[0].urlTemplate',
    ]);
    expect(text()).toBe('hubs: {}\n');
  });
});

describe('[MG-026] [MG-027] a body is refused in the words of the file, with its target', () => {
  const handler = (more: object) => ({ eventHandlers: [{ urlTemplate: 'http://h', ...more }] });

  test.each([
    [
      { webSocketKeepAliveIntervalInSeconds: 0 },
      'webSocketKeepAliveIntervalInSeconds',
      'must be a whole number from 1 to 120',
    ],
    [
      { webSocketKeepAliveIntervalInSeconds: 121 },
      'webSocketKeepAliveIntervalInSeconds',
      'must be a whole number from 1 to 120',
    ],
    [{ webSocketKeepAliveIntervalInSeconds: '30' }, 'webSocketKeepAliveIntervalInSeconds', 'without quotes'],
    [{ anonymousConnectPolicy: 'alow' }, 'anonymousConnectPolicy', 'did you mean `allow`?'],
    [{ eventHandler: [] }, 'eventHandler', 'unknown key `eventHandler`, did you mean `eventHandlers`?'],
    [{ eventHandlers: {} }, 'eventHandlers', 'must be a list'],
    [{ eventHandlers: [null] }, 'eventHandlers[0]', 'must be a mapping'],
    [{ eventHandlers: [{}] }, 'eventHandlers[0].urlTemplate', '`urlTemplate` is missing'],
    [{ eventHandlers: [{ urlTemplate: 'http://{hub}.host/' }] }, 'eventHandlers[0].urlTemplate', 'host'],
    [handler({ userEvent: '*' }), 'eventHandlers[0].userEvent', 'unknown key `userEvent`'],
    [handler({ systemEvents: ['conect'] }), 'eventHandlers[0].systemEvents[0]', 'did you mean `connect`?'],
    [handler({ auth: { type: 'Basic' } }), 'eventHandlers[0].auth.type', 'must be one of `None`, `ManagedIdentity`'],
    [handler({ auth: { type: 'ManagedIdentity' } }), 'eventHandlers[0].auth.managedIdentity', 'is missing'],
    [
      handler({ auth: { type: 'ManagedIdentity', managedIdentity: {} } }),
      'eventHandlers[0].auth.managedIdentity',
      'is missing',
    ],
    [{ eventListeners: [{}] }, 'eventListeners', 'not supported'],
    [JSON.parse('{"__proto__": 1}'), '__proto__', 'unknown key'],
  ])('%j', async (properties, target, words) => {
    writeFileSync(file, 'hubs: {}\n');
    const found = await problemsOf(operations().put('chat', properties));
    expect(found).toEqual([[`properties.${target}`, expect.stringContaining(words)]]);
    expect(text()).toBe('hubs: {}\n');
  });

  test.each([
    [undefined, undefined],
    [[], undefined],
    [{}, 'properties'],
    [{ properties: [] }, 'properties'],
    [{ properties: {}, property: {} }, 'property'],
    [{ properties: JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) }, 'properties'],
    [{ properties: { a: JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) } }, 'properties'],
  ])('%# that is no hub', async (body, target) => {
    writeFileSync(file, 'hubs: {}\n');
    const found = await problemsOf(operations().putBody('chat', body));
    expect(found.map(([at]) => at)).toEqual([target]);
  });

  test('each problem is a detail', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const found = await problemsOf(operations().put('chat', { eventHandlers: [{ urlTemplate: 'x' }, { a: 1 }] }));
    expect(found.map(([target]) => target)).toEqual([
      'properties.eventHandlers[0].urlTemplate',
      'properties.eventHandlers[1].urlTemplate',
      'properties.eventHandlers[1].a',
    ]);
  });

  test('half of a character is written as its escape, not as another character', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const auth = { type: 'ManagedIdentity', managedIdentity: { resource: 'api://x\ud800y' } };
    const { put, get } = operations();
    await put('chat', { eventHandlers: [{ urlTemplate: 'http://h', auth }] });
    expect(text()).toContain('"api://x\\ud800y"');
    expect((await get('chat')).properties.eventHandlers).toMatchObject([{ auth }]);
  });

  test('a name that is none of a hub', async () => {
    writeFileSync(file, 'hubs: {}\n');
    const found = await problemsOf(operations().put('1 hub', {}));
    expect(found).toEqual([['name', expect.stringContaining('is not a valid hub name')]]);
  });
});

describe('a body with a flood of problems', () => {
  const handlers = (count: number) => Array.from({ length: count }, (_, index) => ({ urlTemplate: `z${index}` }));

  test('the answer has the first 50, and how many there are besides', async () => {
    const problems = await problemsOf(operations().put('chat', { eventHandlers: handlers(60) }));
    expect(problems).toHaveLength(51);
    expect(problems.slice(49).map(([target, message]) => [target, message.slice(0, 23)])).toEqual([
      ['properties.eventHandlers[49].urlTemplate', 'the URL is not absolute'],
      [undefined, 'and 10 more problems'],
    ]);
  });

  test('too many handlers or fields are refused before they are read', async () => {
    expect(await problemsOf(operations().put('chat', { eventHandlers: handlers(501) }))).toEqual([
      ['properties.eventHandlers', 'must be a list of at most 500 items'],
    ]);
    const fields = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`k${index}`, 1]));
    expect(await problemsOf(operations().put('chat', fields))).toEqual([['properties', 'has more than 100 fields']]);
  });
});
