import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { describe, expect, onTestFinished, test } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import type { Service } from '../../src/service.js';
import { chatYaml, fileWith, runHubwire, startService } from '../support/hubwire-process.js';
import { dialer } from '../support/test-client.js';
import { inMinutes, signToken, statusOf, withToken } from '../support/tokens.js';
import { startUpstream } from '../support/upstream.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
const otherKey = 'another-key-of-our-own-for-these-tests-0123';
const noHubs = 'hubs: {}\n';
const freePorts = ['--port', '0', '--admin-port', 'any'];

/** Opens URLs that are complete. */
const open = dialer({} as Service);

async function upstreamForTest() {
  const upstream = await startUpstream();
  onTestFinished(() => upstream.stop());
  return upstream;
}

describe('keys and endpoints', () => {
  const rest = (connectionString: string) =>
    new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });

  test('[design 1] keys from files; both are accepted, from clients and on REST, and no others', async () => {
    const env = {
      HUBWIRE_PRIMARY_KEY_FILE: await fileWith(`${ownKey}\n`, 'primary'),
      HUBWIRE_SECONDARY_KEY_FILE: await fileWith(otherKey, 'secondary'),
    };
    const { publicUrl, connectionString, process } = await startService(noHubs, env);
    expect(connectionString).toBe(`Endpoint=${publicUrl};AccessKey=${ownKey};Version=1.0;`);
    const aud = `${publicUrl}/client/hubs/chat`;
    const base = `${publicUrl.replace(/^http/, 'ws')}/client/hubs/chat`;
    const statuses = [];
    for (const key of [ownKey, otherKey, developmentKey]) {
      statuses.push(
        await statusOf(open, { url: `${base}?access_token=${signToken({ aud, exp: inMinutes(5) }, key)}` }),
      );
    }
    expect(statuses).toEqual([101, 101, 401]);
    for (const key of [ownKey, otherKey]) await rest(connectionString.replace(ownKey, key)).sendToAll('x');
    const refused = rest(connectionString.replace(ownKey, developmentKey)).sendToAll('x');
    await expect(refused).rejects.toMatchObject({ statusCode: 401 });
    expect(process.stderr).not.toMatch(ownKey);
  });

  test('a key file that is not there: exit 1 and its name', async () => {
    const file = await fileWith(noHubs);
    const outcome = await runHubwire(['--hubs', file, ...freePorts], { HUBWIRE_PRIMARY_KEY_FILE: `${file}.none` });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^hubwire: HUBWIRE_PRIMARY_KEY_FILE: cannot read .*\.none: ENOENT.*\n$/);
  });

  test('a secondary key without a primary one: exit 1', async () => {
    const outcome = await runHubwire(['--hubs', await fileWith(noHubs), ...freePorts], {
      HUBWIRE_SECONDARY_KEY: ownKey,
    });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('HUBWIRE_SECONDARY_KEY is set without HUBWIRE_PRIMARY_KEY');
    expect(outcome.stderr).not.toContain(ownKey);
  });

  test('[design 1] HUBWIRE_ENDPOINT is the audience of tokens, the origin for upstreams, and what is printed', async () => {
    const upstream = await upstreamForTest();
    const endpoint = 'https://pubsub.example.com/base';
    const env = { HUBWIRE_ENDPOINT: `${endpoint}, http://inside.test:8080`, HUBWIRE_PRIMARY_KEY: ownKey };
    const { publicUrl, connectionString, dial } = await startService(chatYaml(`${upstream.origin}/{event}`), env);
    expect(connectionString).toBe(`Endpoint=${endpoint};AccessKey=${ownKey};Version=1.0;`);
    const base = `${publicUrl.replace(/^http/, 'ws')}/client/hubs/chat`;
    for (const [origin, status] of [
      [endpoint, 101],
      ['http://inside.test:8080', 101],
      ['https://pubsub.example.com', 401],
      ['http://inside.test', 401],
    ] as const) {
      const token = signToken({ aud: `${origin}/client/hubs/chat`, exp: inMinutes(5) }, ownKey);
      expect([origin, await statusOf(dial, { ...withToken(token), url: `${base}?access_token=${token}` })]).toEqual([
        origin,
        status,
      ]);
    }
    const { headers } = await upstream.next('connect');
    expect(headers['webhook-request-origin']).toBe('pubsub.example.com,inside.test');
    expect(upstream.requests[0]?.headers['webhook-request-origin']).toBe('pubsub.example.com,inside.test');
  });

  test('an endpoint that is no URL: exit 1', async () => {
    const outcome = await runHubwire(['--hubs', await fileWith(noHubs), ...freePorts], {
      HUBWIRE_ENDPOINT: 'pubsub.example.com',
    });
    expect([outcome.code, outcome.stderr]).toEqual([
      1,
      'hubwire: HUBWIRE_ENDPOINT: endpoint "pubsub.example.com" is not a URL; write it like https://pubsub.example.com\n',
    ]);
  });
});
