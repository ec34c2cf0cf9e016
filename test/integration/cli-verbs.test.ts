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
  test('[design 1] a good file with an app that agrees: exit 0', async () => {
    const upstream = await upstreamForTest();
    const file = await fileWith(chatYaml(`${upstream.origin}/{event}?code=k1`));
    const outcome = await runHubwire(['validate', file]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(
      `${file}: the file is valid; 1 event handler(s)\n  ✔ chat  ${upstream.origin}/{event}?code=***  active`,
    );
    expect(upstream.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['OPTIONS /validate?code=k1']);
  });

  test('[design 1] an app that is down or does not agree: exit 1, with what to do', async () => {
    const upstream = await upstreamForTest();
    upstream.onValidate(reply(405));
    const file = await fileWith(chatYaml(`${upstream.origin}/{event}`, '      - urlTemplate: http://127.0.0.1:1/\n'));
    const outcome = await runHubwire(['validate', file]);
    expect(outcome.code).toBe(1);
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
    [['--hub', 'chat', '--user', ''], '--user is empty; leave it out'],
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
