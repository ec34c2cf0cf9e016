import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileWith, runHubwire } from '../support/hubwire-process.js';
import { adminToken, type ManagedService, readToken, startManaged } from '../support/managed-service.js';
import { runVerb } from '../support/run-verb.js';

const yaml = `queue: { driver: memory }
hubs:
  Chat: # the chat
    eventHandlers:
      - urlTemplate: http://127.0.0.1:1/{event}?code=k1
        userEventPattern: "*"
        delivery: durable
`;

/** `hubwire` as an operator of the service uses it. */
function operatorOf({ adminUrl, folder }: ManagedService, env: Readonly<Record<string, string>> = {}) {
  const own = {
    HUBWIRE_ADMIN_URL: adminUrl,
    HUBWIRE_ADMIN_TOKEN: adminToken,
    NODE_EXTRA_CA_CERTS: join(folder, 'tls.crt'),
    ...env,
  };
  return (...args: string[]) => runHubwire(args, own, { cwd: folder });
}

describe('through the management API of a running service', () => {
  test('[MG-051] hub verbs print what they print on the file, and the service has the change at once', async () => {
    const managed = await startManaged({ yaml, hasTls: false });
    const file = await fileWith(yaml);
    const remote = (...args: string[]) =>
      runVerb(args, { HUBWIRE_ADMIN_URL: managed.adminUrl, HUBWIRE_ADMIN_TOKEN: adminToken });
    for (const args of [
      ['hub', 'list'],
      ['hub', 'show', '--hub-name', 'chat', '-n', 'a b', '-g', 'c', '--subscription', 'My subscription'],
      ['hub', 'create', '--hub-name', 'open', '--allow-anonymous'],
      ['hub', 'create', '--hub-name', 'open', '--allow-anonymous', '-o', 'yaml'],
      ['hub', 'update', '--hub-name', 'CHAT', '--set', 'properties.eventHandlers[0].userEventPattern=vote'],
      ['hub', 'show', '--hub-name', 'nope'],
      ['hub', 'show', '--hub-name', 'chat', '-o', 'table'],
      ['hub', 'update', '--hub-name', 'chat', '--websocket-keepalive', '500'],
      ['hub', 'delete', '--hub-name', 'nope'],
    ]) {
      const [there, here] = [await remote(...args), await runVerb([...args, '--hubs', file])];
      expect({ ...there, stderr: '' }).toEqual({ ...here, stderr: '' });
      if (there.code !== 1) expect(there.stderr).toBe(here.stderr);
    }
    await managed.dial({ hub: 'open', token: null });
    expect(await managed.text()).toBe(await readFile(file, 'utf8'));
    expect(await managed.text()).toContain('delivery: durable');
    const deleted = await remote('hub', 'delete', '--hub-name', 'open', '-o', 'table');
    expect(deleted).toMatchObject({ code: 0, stderr: 'open: removed; the running service took it over\n' });
    expect(await managed.dial.refused({ hub: 'open', token: null })).toMatchObject({ status: 401 });
  });

  test('[MG-059] [MG-060] keys are shown and regenerated', async () => {
    const primary = 'p'.repeat(40);
    const managed = await startManaged({ keyFiles: { primary } });
    const run = operatorOf(managed);
    expect((await run('key', 'show', '--query', 'primaryKey', '-o', 'tsv')).stdout).toBe(`${primary}\n`);
    const changed = JSON.parse((await run('key', 'regenerate', '--key-type', 'primary')).stdout);
    expect(changed.primaryKey).not.toBe(primary);
    expect((await run('key', 'show', '-o', 'json', '--query', 'primaryKey')).stdout).toBe(`"${changed.primaryKey}"\n`);
  });

  test('[MG-060] [MG-061] what goes wrong is one line with what to do, and no token is printed', async () => {
    const managed = await startManaged({ yaml });
    const mistakes = [
      [
        { NODE_EXTRA_CA_CERTS: '' },
        /is not trusted \(\w+\); name the file of its certification authority in NODE_EXTRA_CA_CERTS$/,
      ],
      [
        { HUBWIRE_ADMIN_TOKEN: 'WRONG-token-of-this-test' },
        /answered 401: .*; HUBWIRE_ADMIN_TOKEN must be the one of the service$/,
      ],
      [{ HUBWIRE_ADMIN_TOKEN: '' }, /needs the admin token of the service: set HUBWIRE_ADMIN_TOKEN/],
      [
        { HUBWIRE_ADMIN_URL: managed.adminUrl.replace('https', 'http') },
        /does not answer in plain HTTP \(\w+\); does its URL start with https:\/\/\?$/,
      ],
      [
        { HUBWIRE_ADMIN_URL: managed.service.publicUrl },
        /:\d+ answered 404, and not as the management API does; is it the admin listener of a Hubwire service\? Set its URL/,
      ],
      [{ HUBWIRE_ADMIN_URL: 'localhost:8081' }, /HUBWIRE_ADMIN_URL must be a URL such as/],
      [
        { HUBWIRE_ADMIN_URL: 'https://127.0.0.1:1' },
        /cannot reach https:\/\/127\.0\.0\.1:1: .*--admin or HUBWIRE_ADMIN_URL$/,
      ],
    ] as const;
    const outcomes = await Promise.all(
      mistakes.map(([env]) => operatorOf(managed, env)('hub', 'create', '--hub-name', 'x')),
    );
    for (const [index, outcome] of outcomes.entries()) {
      expect([outcome.code, outcome.stdout]).toEqual([1, '']);
      expect(outcome.stderr).toMatch(/^hubwire: .*\n$/);
      expect(outcome.stderr.trimEnd()).toMatch(mistakes[index]![1]);
      expect(outcome.stderr).not.toMatch(/-token-of-this-test/);
    }
    const reading = await operatorOf(managed, { HUBWIRE_ADMIN_TOKEN: readToken })(
      'hub',
      'delete',
      '--hub-name',
      'chat',
    );
    expect(reading.stderr).toMatch(/answered 403: .*[^.]; use the admin token of the service, not its read token\n$/);
    expect(await managed.text()).toBe(yaml);
  });

  test('[MG-057] a hub is missing only where the management API says so', async () => {
    const managed = await startManaged({ yaml });
    const show = (env = {}) => operatorOf(managed, env)('hub', 'show', '--hub-name', 'caht');
    expect(await show()).toMatchObject({ code: 3, stderr: 'hubwire: there is no hub caht; did you mean Chat?\n' });
    const elsewhere = await show({ HUBWIRE_ADMIN_URL: managed.service.publicUrl });
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.stderr).toMatch(/^hubwire: \S+ answered 404, and not as the management API does; /);
  });

  test('[MG-061] --debug prints the requests, with the Authorization masked', async () => {
    const managed = await startManaged({ yaml });
    const outcome = await operatorOf(managed)('hub', 'show', '--hub-name', 'chat', '--debug', '-o', 'none');
    expect(outcome).toMatchObject({ code: 0, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^> GET https:\/\/\S+\/webPubSub\/hubwire\/hubs\/chat\?api-version=\S+\n> authorization: Bearer \*\*\*\n< 200 OK\n$/,
    );
  });
});
