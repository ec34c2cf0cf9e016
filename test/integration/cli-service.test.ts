import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firstCertificate } from '../conformance/rest-certificates.js';
import { blocksOf } from '../support/doc-blocks.js';
import { repository } from '../support/doc-pages.js';
import { fileWith, runHubwire } from '../support/hubwire-process.js';
import { runVerb } from '../support/run-verb.js';
import { startHub } from '../support/start-hub.js';

/** The lines of docs/command-line.md that this file runs, in order. */
const documented = blocksOf(readFileSync(join(repository, 'docs/command-line.md'), 'utf8'))
  .filter(({ marks }) => marks.get('tested-by') === 'test/integration/cli-service.test.ts')
  .flatMap(({ text }) => text.split('\n'))
  .map(line => line.split(' ').slice(1));

describe('service', () => {
  test('[MG-050] [MG-052] every verb does through REST what it says', async () => {
    const { dial, connectionString } = await startHub();
    const env = { WebPubSubConnectionString: connectionString };
    const ann = await dial({ token: { userId: 'ann', roles: ['webpubsub.joinLeaveGroup'] } });
    const { connectionId } = (await ann.next()) as { connectionId: string };
    const run = (...args: string[]) => runVerb(args, env);
    const expectDone = async (...args: string[]) =>
      expect(await run(...args)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const hub = ['--hub-name', 'chat'];
    const one = [...hub, '--connection-id', connectionId];
    const room = [...hub, '--group-name', 'a/b'];
    const right = ['--connection-id', connectionId, '--permission', 'sendtogroup'];

    await expectDone('webpubsub', 'service', 'broadcast', ...hub, '--payload', 'to all', '-n', 'x', '-g', 'y');
    expect(await ann.next()).toMatchObject({ from: 'server', dataType: 'text', data: 'to all' });
    await expectDone('service', 'group', 'add-connection', ...room, '--connection-id', connectionId);
    await expectDone('service', 'group', 'send', ...room, '--payload', 'to the room');
    expect(await ann.next()).toMatchObject({ group: 'a/b', data: 'to the room' });
    await expectDone('service', 'group', 'remove-connection', ...room, '--connection-id', connectionId);
    await expectDone('service', 'group', 'send', ...room, '--payload', 'to nobody');
    await expectDone('service', 'group', 'add-user', ...room, '--user-id', 'ann');
    await expectDone('service', 'group', 'send', ...room, '--payload', 'to the user in the room');
    expect(await ann.next()).toMatchObject({ data: 'to the user in the room' });
    await expectDone('service', 'group', 'remove-user', ...hub, '--user-id', 'ann');
    await expectDone('service', 'user', 'send', ...hub, '--user-id', 'ann', '--payload', 'to the user');
    expect(await ann.next()).toMatchObject({ data: 'to the user' });

    const check = async () => JSON.parse((await run('service', 'permission', 'check', ...room, ...right)).stdout);
    expect(await check()).toEqual({ existence: false });
    await expectDone('service', 'permission', 'grant', ...room, ...right);
    expect(await check()).toEqual({ existence: true });
    await expectDone('service', 'permission', 'revoke', ...room, ...right);
    expect(await check()).toEqual({ existence: false });

    expect(JSON.parse((await run('service', 'connection', 'exist', ...one)).stdout)).toEqual({ existence: true });
    await expectDone('service', 'connection', 'send', ...one, '--payload', 'to the connection');
    expect(await ann.next()).toMatchObject({ data: 'to the connection' });
    await expectDone('service', 'connection', 'close', ...one);
    expect(await ann.next()).toMatchObject({ event: 'disconnected' });
    expect(JSON.parse((await run('service', 'user', 'exist', ...hub, '--user-id', 'ann')).stdout)).toEqual({
      existence: false,
    });
  });

  test('the lines of the documents are understood', async () => {
    const { connectionString, dial } = await startHub();
    await dial({ token: { userId: 'ann' } });
    expect(documented.length).toBeGreaterThan(5);
    // ID is no connection: what is done to it is not found, or there is nothing to do.
    for (const line of documented) {
      expect([0, 3]).toContain((await runVerb(line, { WebPubSubConnectionString: connectionString })).code);
    }
  });

  test('[MG-052] [MG-061] exit codes; what is wrong is one line, without the key', async () => {
    const { connectionString, service } = await startHub();
    const wrong = connectionString.replace(/AccessKey=[^;]*/, 'AccessKey=WRONG-key');
    const add = [
      'service',
      'group',
      'add-connection',
      '--hub-name',
      'chat',
      '--group-name',
      'g',
      '--connection-id',
      'x',
    ];
    const cases = [
      [[...add, '--connection-string', connectionString], 3, /^hubwire: Connection `x` is not found\.\n$/],
      [
        [...add, '--connection-string', wrong],
        1,
        /answered 401: .*; the key must be one of the service: set --connection-string, \w+ or HUBWIRE_PRIMARY_KEY\n$/,
      ],
      [
        [...add, '--connection-string', 'http://localhost'],
        2,
        /--connection-string must be a connection string with Endpoint and AccessKey/,
      ],
      [
        [...add, '--connection-string', wrong.replace('http:', 'https:')],
        1,
        /does not speak TLS .*; does its URL start with http:\/\/\?\n$/,
      ],
      [
        [...add, '--connection-string', wrong.replace(service.publicUrl, 'http://127.0.0.1:1')],
        1,
        /cannot reach http:\/\/127\.0\.0\.1:1: /,
      ],
      [
        ['service', 'broadcast', '--hub-name', 'chat', '--paylod', 'x'],
        2,
        /unknown option '--paylod'; did you mean --payload\?\n$/,
      ],
      [
        ['service', 'broadcast', '--hub-name', 'chat'],
        2,
        /required option '--payload <text>' not specified: the text to send\n$/,
      ],
    ] as const;
    const outcomes = await Promise.all(cases.map(([args]) => runHubwire(args)));
    for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
      expect([code, stdout]).toEqual([cases[index]![1], '']);
      expect(stderr).toMatch(cases[index]![2]);
      expect(stderr).toMatch(/^hubwire: .*\n$/);
      expect(stderr).not.toContain('WRONG-key');
    }
  });

  test('[MG-052] HUBWIRE_ENDPOINT and the keys of the environment; a table goes with one sentence', async () => {
    const { service } = await startHub();
    const args = ['service', 'broadcast', '--hub-name', 'chat', '--payload', 'x', '-o', 'table'];
    expect(await runHubwire(args, { HUBWIRE_ENDPOINT: service.publicUrl })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'sent to all clients of hub chat\n',
    });
  });

  test('[MG-060] behind a certificate of a private authority, which is named when it is not trusted', async () => {
    const tls = {
      certFile: await fileWith(firstCertificate.cert, 'tls.crt'),
      keyFile: await fileWith(firstCertificate.key, 'tls.key'),
    };
    const { connectionString, service } = await startHub({ tls });
    expect(service.publicUrl).toMatch(/^https:/);
    const verbs = [
      ['service', 'broadcast', '--hub-name', 'chat', '--payload', 'x'],
      ['client', 'start', '--hub-name', 'chat'],
      ['send', '--hub', 'chat', '--endpoint', service.publicUrl, 'x'],
    ];
    const env = { WebPubSubConnectionString: connectionString };
    const trusted = await Promise.all(
      verbs.map(verb => runHubwire(verb, { ...env, NODE_EXTRA_CA_CERTS: tls.certFile }, { input: '' })),
    );
    expect(trusted.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ]);
    for (const { code, stderr } of await Promise.all(verbs.map(verb => runHubwire(verb, env, { input: '' })))) {
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^hubwire: the certificate of https:\S+ is not trusted \(\w+\); .* in NODE_EXTRA_CA_CERTS\n$/,
      );
    }
  });
});
