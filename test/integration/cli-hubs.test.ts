import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.js';
import { fileWith, runHubwire, startService } from '../support/hubwire-process.js';
import { runVerb } from '../support/run-verb.js';

const seed = [
  ...['webpubsub', 'hub', 'create', '-n', 'MyWebPubSub', '-g', 'MyResourceGroup', '--hub-name', 'MyHub'],
  ...['--event-handler', 'url-template=http://host.com', 'user-event-pattern=*'],
  ...['--event-handler', 'url-template=http://host2.com', 'system-event=connected', 'system-event=disconnected'],
  ...['auth-type=ManagedIdentity', 'auth-resource=uri://myUri'],
];
const seedHandlers = [
  { urlTemplate: 'http://host.com', userEventPattern: '*' },
  {
    urlTemplate: 'http://host2.com',
    systemEvents: ['connected', 'disconnected'],
    auth: { type: 'ManagedIdentity', managedIdentity: { resource: 'uri://myUri' } },
  },
];
const twoHubs = `hubs:
  Chat: # the chat
    anonymousConnectPolicy: allow
    eventHandlers:
      - urlTemplate: http://h/\${CHAT_CODE}
        userEventPattern: "*"
  other: {}
`;

/** `hubwire` with this hubs.yaml, in its folder. */
async function withFile(yaml: string) {
  const file = await fileWith(yaml);
  return {
    run: (args: readonly string[]) => runVerb(args, { CHAT_CODE: 'hush', HUBWIRE_HUBS: file }),
    runProcess: (args: readonly string[]) => runHubwire(args, { CHAT_CODE: 'hush', HUBWIRE_HUBS: file }),
    text: () => readFile(file, 'utf8'),
    hubs: async () => (parse(await readFile(file, 'utf8')) as { hubs: Record<string, unknown> }).hubs,
  };
}

describe('hub', () => {
  test('[MG-050] [MG-051] [MG-053] the line of the vendor’s documentation works as it is written, without a file too', async () => {
    const file = await fileWith('', 'other.yaml');
    const cwd = dirname(file);
    const outcome = await runHubwire(seed, {}, { cwd });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const hub = JSON.parse(outcome.stdout);
    expect(Object.keys(hub)).toEqual(['id', 'name', 'properties', 'resourceGroup', 'type']);
    expect(hub).toMatchObject({
      id: expect.stringMatching(
        /\/resourceGroups\/MyResourceGroup\/providers\/Microsoft\.SignalRService\/WebPubSub\/MyWebPubSub\/hubs\/MyHub$/,
      ),
      name: 'MyHub',
      type: 'Microsoft.SignalRService/WebPubSub/hubs',
      properties: {
        eventHandlers: seedHandlers,
        eventListeners: [],
        anonymousConnectPolicy: 'deny',
        webSocketKeepAliveIntervalInSeconds: 20,
      },
      resourceGroup: 'MyResourceGroup',
    });
    const written = parse(await readFile(`${cwd}/hubs.yaml`, 'utf8'));
    expect(written).toEqual({ hubs: { MyHub: { eventHandlers: seedHandlers } } });
    // With the vendor's words and with ours, wherever the flags stand.
    const plain = await runHubwire(
      ['hub', 'show', '--hub-name', 'myhub', '-g', 'MyResourceGroup', '-n', 'MyWebPubSub'],
      {},
      { cwd },
    );
    expect(plain.stdout).toBe(outcome.stdout);
  });

  test('[MG-051] update changes what is given and leaves the rest of the file as it is; a handler list is replaced as a whole', async () => {
    const { run, text } = await withFile(twoHubs);
    expect(await run(['hub', 'update', '--hub-name', 'chat', '--websocket-keepalive', '30'])).toMatchObject({
      code: 0,
    });
    expect(await text()).toBe(twoHubs.replace('"*"\n', '"*"\n    webSocketKeepAliveIntervalInSeconds: 30\n'));
    const handler = ['--event-handler', 'user-event-pattern=vote', 'url-template=http://new'];
    const outcome = await run(['hub', 'update', '--hub-name', 'CHAT', ...handler, '--allow-anonymous', 'false']);
    expect(JSON.parse(outcome.stdout).properties).toMatchObject({
      eventHandlers: [{ urlTemplate: 'http://new', userEventPattern: 'vote' }],
      anonymousConnectPolicy: 'deny',
      webSocketKeepAliveIntervalInSeconds: 30,
    });
    expect(await text()).toContain('Chat: # the chat');
    expect(await run(['hub', 'update', '--hub-name', 'chat', '--allow-anonymous', '--only-show-errors'])).toMatchObject(
      { code: 0 },
    );
    expect(await text()).toContain('anonymousConnectPolicy: allow');
  });

  test('generic update: --set, --add and --remove in the order in which they are given', async () => {
    const { run, hubs } = await withFile(twoHubs);
    const outcome = await run([
      ...[
        'hub',
        'update',
        '--hub-name',
        'other',
        '--add',
        'properties.eventHandlers',
        'urlTemplate=http://a',
        'userEventPattern=*',
      ],
      ...['--add', 'properties.eventHandlers', '{"urlTemplate": "http://b", "systemEvents": ["connect"]}'],
      ...['--set', 'properties.eventHandlers[urlTemplate=http://b].userEventPattern=x'],
      ...['--set', 'properties.eventHandlers[1].auth.type=None', '--remove', 'properties.eventHandlers', '0'],
    ]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect((await hubs()).other).toEqual({
      eventHandlers: [{ urlTemplate: 'http://b', systemEvents: ['connect'], userEventPattern: 'x' }],
    });
  });

  test('[MG-057] a hub that is missing: exit 3 and the nearest name; deleting it is no failure', async () => {
    const { run, text } = await withFile(twoHubs);
    expect(await run(['hub', 'show', '--hub-name', 'chta'])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'hubwire: there is no hub chta; did you mean Chat?\n',
    });
    expect(await run(['hub', 'update', '--hub-name', 'zzz', '--allow-anonymous'])).toMatchObject({
      code: 3,
      stderr: 'hubwire: there is no hub zzz; make it with: hubwire hub create --hub-name zzz\n',
    });
    expect(await run(['hub', 'delete', '--hub-name', 'zzz'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await text()).toBe(twoHubs);
    expect(await run(['hub', 'delete', '--hub-name', 'OTHER'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await text()).toBe(twoHubs.replace('  other: {}\n', ''));
  });

  test('[MG-054] [MG-061] what is mistyped: exit 2, one line, and nothing is written', async () => {
    const { runProcess, text } = await withFile(twoHubs);
    for (const [args, reason] of [
      [['--event-handler', 'url-templete=http://a'], 'unknown key "url-templete"; did you mean url-template?'],
      [['--event-handler'], "option '--event-handler <KEY=VALUE…>' argument missing"],
      [['--event-handlr', 'url-template=http://a'], "unknown option '--event-handlr'; did you mean --event-handler?"],
      [['--frobnicate'], "unknown option '--frobnicate'; --help lists what there is"],
      [['-o', 'xml'], 'Allowed choices are json, jsonc, table, tsv, yaml, none'],
    ] as const) {
      const outcome = await runProcess(['hub', 'create', '--hub-name', 'new', ...args]);
      expect([outcome.code, outcome.stdout]).toEqual([2, '']);
      expect(outcome.stderr).toContain(reason);
      expect(outcome.stderr).toMatch(/^hubwire: .*\n$/);
    }
    expect(await text()).toBe(twoHubs);
  });

  test('unknown verbs are answered with the nearest one, on every level', async () => {
    for (const [args, near, code] of [
      [['hob', 'list'], '"hub"', 1],
      [['hub', 'lst'], 'list', 2],
      [['webpubsub', 'servce'], 'service', 2],
      [['service', 'group', 'add-usr'], 'add-user', 2],
    ] as const) {
      const outcome = await runHubwire(args);
      expect(outcome.code).toBe(code);
      expect(outcome.stderr).toMatch(new RegExp(`^hubwire: unknown command .*; did you mean ${near}\\?\\n$`));
    }
  });

  test('what the schema refuses is told at its place, and nothing is written', async () => {
    const { run, text } = await withFile(twoHubs);
    const outcome = await run(['hub', 'update', '--hub-name', 'chat', '--websocket-keepalive', '500']);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^hubwire: properties\.webSocketKeepAliveIntervalInSeconds: .*1 to 120\n$/);
    expect(await text()).toBe(twoHubs);
  });

  test('[MG-055] [MG-056] formats and queries; a table goes with one sentence; no format shows what a variable holds', async () => {
    const { run, runProcess } = await withFile(twoHubs);
    const show = async (...args: string[]) => (await run(['hub', 'list', ...args])).stdout;
    expect(await show('--query', '[0].properties.eventHandlers[0].urlTemplate', '--output', 'TSV')).toBe(
      `http://h/$\{CHAT_CODE}\n`,
    );
    expect(parse(await show('-o', 'yaml'))).toEqual(JSON.parse(await show('--json')));
    const shipped = await runProcess(['hub', 'list', '--query', '[].name', '-o', 'yaml']);
    expect(shipped).toMatchObject({ code: 0, stdout: '- Chat\n- other\n' });
    expect(await show('-o', 'table')).toMatch(/^Name .*\n.*\nChat +allow +20 s +1\nother +deny +20 s +0\n$/);
    const created = await run(['hub', 'create', '--hub-name', 'New', '-o', 'table']);
    expect(created.stdout).toMatch(/^Name +New\n/);
    expect(created.stderr).toMatch(
      /^New: no event handlers; saved in \S*hubs\.yaml; start the service if none runs\n$/,
    );
    expect((await run(['hub', 'create', '--hub-name', 'New', '-o', 'table', '--only-show-errors'])).stderr).toBe('');
  });

  test('[MG-051] a running service takes the change of the file over', async () => {
    const { dial, file } = await startService('hubs: {}\n');
    expect(await dial.refused({ hub: 'open', token: null })).toMatchObject({ status: 401 });
    const args = ['hub', 'create', '--hub-name', 'open', '--allow-anonymous', '--hubs', file];
    expect(await runHubwire(args)).toMatchObject({ code: 0 });
    await eventually(() => dial({ hub: 'open', token: null }));
  });
});

describe('key', () => {
  test('[MG-055] [MG-059] shows the keys of the environment, bare with a query', async () => {
    const env = { HUBWIRE_PRIMARY_KEY: 'p'.repeat(32), HUBWIRE_SECONDARY_KEY: 's'.repeat(32) };
    expect(await runHubwire(['key', 'show', '--query', 'primaryKey', '-o', 'tsv'], env)).toMatchObject({
      code: 0,
      stdout: `${'p'.repeat(32)}\n`,
    });
    expect(JSON.parse((await runHubwire(['webpubsub', 'key', 'show', '-n', 'x'], env)).stdout)).toEqual({
      primaryKey: 'p'.repeat(32),
      secondaryKey: 's'.repeat(32),
      primaryConnectionString: `Endpoint=http://localhost:8080;AccessKey=${'p'.repeat(32)};Version=1.0;`,
      secondaryConnectionString: `Endpoint=http://localhost:8080;AccessKey=${'s'.repeat(32)};Version=1.0;`,
    });
  });

  test('[MG-015] [MG-017] [MG-059] regenerates a key that is kept in a file, and no other', async () => {
    const file = await fileWith(`${'k'.repeat(40)}\n`, 'primary.key');
    const env = { HUBWIRE_PRIMARY_KEY_FILE: file };
    const salt = await runHubwire(['key', 'regenerate', '--key-type', 'Salt'], env);
    expect(JSON.parse(salt.stdout).primaryKey).toBe('k'.repeat(40));
    const outcome = await runHubwire(['key', 'regenerate', '--key-type', 'primary'], env);
    const { primaryKey } = JSON.parse(outcome.stdout);
    expect(Buffer.from(primaryKey, 'base64')).toHaveLength(32);
    expect((await readFile(file, 'utf8')).trim()).toBe(primaryKey);
    for (const [more, reason] of [
      [{ HUBWIRE_PRIMARY_KEY: 'k'.repeat(40) }, 'HUBWIRE_PRIMARY_KEY'],
      [{}, 'HUBWIRE_PRIMARY_KEY_FILE'],
    ] as const) {
      const refused = await runHubwire(['key', 'regenerate', '--key-type', 'primary'], more);
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toContain(reason);
      expect(refused.stderr).not.toContain('kkkk');
    }
  });
});
