import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Service } from '../../src/service.js';
import { reply } from '../support/answers.js';
import { chatYaml, fileWith, runHubwire, startService } from '../support/hubwire-process.js';
import { dialer } from '../support/test-client.js';
import { startUpstream } from '../support/upstream.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
const noHubs = 'hubs: {}\n';

/** Opens URLs that are complete. */
const open = dialer({} as Service);

async function upstreamForTest() {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  return upstream;
}

describe('validate', () => {
  test('[design 1] a good file with an app that passes validation: exit 0', async () => {
    const upstream = await upstreamForTest();
    const file = await fileWith(chatYaml(`${upstream.origin}/{event}?code=k1`));
    const outcome = await runHubwire(['validate', file]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(
      `${file}: the file is valid; 1 event handler(s)\n  ✔ chat  ${upstream.origin}/{event}?code=***  active`,
    );
    expect(upstream.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['OPTIONS /validate?code=k1']);
  });

  test('[design 1] an app that is down or fails validation: exit 1, with what to do', async () => {
    const upstream = await upstreamForTest();
    upstream.onValidate(reply(405));
    const file = await fileWith(chatYaml(`${upstream.origin}/{event}`, '      - urlTemplate: http://127.0.0.1:1/\n'));
    const outcome = await runHubwire(['validate', file]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain(`${file}: 2 of 2 event handler(s) not active; a service would accept the file\n`);
    expect(outcome.stdout).not.toContain('valid');
    expect(outcome.stdout).toMatch(/✘ .*failed.*\n +answered 405; allow the method OPTIONS/);
    expect(outcome.stdout).toMatch(
      /✘ .*failed.*\n +connection refused; is the app running at http:\/\/127\.0\.0\.1:1\?/,
    );
    const json = await runHubwire(['validate', '--json', file]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      file,
      isValid: false,
      eventHandlers: [
        { hub: 'chat', state: 'failed', answered: 'answered 405' },
        { hub: 'chat', state: 'failed', answered: 'connection refused' },
      ],
    });
  });

  test('a webhook that is not signed: exit 0, with the warning of a start', async () => {
    const file = await fileWith(
      'hubs:\n  chat:\n    webhooks: [{ id: w, url: "https://h.example/", event_types: ["*"] }]\n',
    );
    const warning = 'chat: webhook w is not signed, so its receiver cannot tell who sent it: give it a signing_secret';
    const outcome = await runHubwire(['validate', file]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(`0 event handler(s)\n  warning: ${warning}\n`);
    expect(JSON.parse((await runHubwire(['validate', '--json', file])).stdout).warnings).toEqual([warning]);
  });

  test('[design 2] a bad file: exit 1, its places on stderr', async () => {
    const file = await fileWith('hubs: 5\n');
    const outcome = await runHubwire(['validate', file]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toMatch(`${file}:1:7 hubs: `);
  });
});

describe('token', () => {
  test('[design 1] the printed URL connects, with the user, roles and groups asked for', async () => {
    const env = { HUBWIRE_PRIMARY_KEY: ownKey };
    const { publicUrl } = await startService(noHubs, env);
    const asked = ['--user', 'ann', '--role', 'webpubsub.sendToGroup.g', '--group', 'g', 'h', '--ttl', '5'];
    const outcome = await runHubwire(['token', '--hub', 'chat', ...asked], { ...env, HUBWIRE_ENDPOINT: publicUrl });
    expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout).toMatch(/^ws:\/\/\S+\n$/);
    const client = await open({ url: outcome.stdout.trim() });
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'ann' });
    client.send({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(await client.next()).toMatchObject({ group: 'g', fromUserId: 'ann', data: 1 });
    expect(await client.ask({ type: 'sendToGroup', group: 'h', data: 1, ackId: 2 })).toMatchObject({ success: false });
  });

  test('--json', async () => {
    const outcome = await runHubwire(['token', '--hub', 'chat', '--json']);
    expect(JSON.parse(outcome.stdout)).toEqual({
      url: expect.stringMatching(/^ws:\/\/localhost:8080\/client\/hubs\/chat\?access_token=ey/),
    });
  });

  test.each([
    [['--hub', '9'], '--hub: "9" is not a valid hub name'],
    [['--hub', 'chat', '--group', ' '], '--group: a group name has 1 to 1024 characters'],
    [['--hub', 'chat', '--group', '..'], '--group: a group name has 1 to 1024 characters'],
    [['--hub', 'chat', '--user', 'admin '], '--user: a user id has 1 to 1024 characters, no white space at either end'],
    [['--hub', 'chat', '--user', '..'], '--user: a user id has'],
    [['--hub', 'chat', '--user', ''], '--user is empty; give it a value, or leave it out'],
    [
      ['--hub', 'chat', '--role', 'webpubsub.sendToGroup', 'webpubsub.joinleavegroup.g'],
      '--role "webpubsub.joinleavegroup.g": not a role of this service; did you mean "webpubsub.joinLeaveGroup.g"?',
    ],
    [['--hub', 'chat', '--ttl', '0'], '--ttl must be a whole number of minutes'],
    [[], "required option '--hub <name>' not specified"],
  ])('%j: exit 1', async (args, text) => {
    const outcome = await runHubwire(['token', ...args]);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr.replaceAll("'s name", '’s name')).toContain(text);
  });
});

describe('import', () => {
  const soketi = JSON.stringify({ 'appManager.array.apps': [{ id: 42, key: 'k', secret: 'hush' }], port: 6001 });

  test('prints the block, and on standard error what has no equal', async () => {
    const outcome = await runHubwire(['import', 'soketi', await fileWith(soketi), '--env']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/^apps:\n {2}- id: "42"\n {4}key: k\n {4}secret: \$\{APP_42_SECRET\}\n/);
    expect(outcome.stderr).toBe(
      [
        '1 app(s)',
        'secrets to set as environment variables:',
        '  APP_42_SECRET: apps[0].secret',
        'to be set elsewhere, or different here:',
        '  port: set --port or HUBWIRE_PORT',
        '',
      ].join('\n'),
    );
  });

  test('writes a file for its owner only, which the service accepts, and never replaces one unasked', async () => {
    const file = await fileWith(soketi);
    const out = join(dirname(file), 'apps.yaml');
    const outcome = await runHubwire(['import', 'soketi', file, '--out', out]);
    expect(outcome).toMatchObject({ code: 0, stdout: '' });
    expect(outcome.stderr).toContain(`warning: ${out} contains 1 secret(s) as they are`);
    expect(outcome.stderr).not.toContain('hush');
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect((await runHubwire(['validate', out])).stdout).toContain('the file is valid; 0 event handler(s), 1 app(s)');

    const text = await readFile(out, 'utf8');
    const again = await runHubwire(['import', 'soketi', file, '--env', '--out', out]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(
      `${out} exists already, and nothing was written; choose another file, or add --force`,
    );
    expect(await readFile(out, 'utf8')).toBe(text);
    expect((await runHubwire(['import', 'soketi', file, '--env', '--out', out, '--force'])).code).toBe(0);
    expect(await readFile(out, 'utf8')).not.toContain('hush');
  });

  test('ends with 1 when the block has to be corrected, and for what is no configuration', async () => {
    const incomplete = await runHubwire(['import', 'sockudo', await fileWith('[{ "id": "a", "secret": "s" }]')]);
    expect(incomplete.code).toBe(1);
    expect(incomplete.stderr).toMatch(
      /to be corrected before the service accepts it:\n {2}line \d+ apps\[0\]\.key: `key` is missing/,
    );
    const broken = await runHubwire(['import', 'sockudo', await fileWith('{ "app_manager": ')]);
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toMatch(/:1:\d+: /);
  });
});
