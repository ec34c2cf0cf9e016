import { expect, test } from 'vitest';
import { Keys } from '../../src/auth/keys.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import { startHub } from '../support/start-hub.js';
import { audienceOf, inMinutes, signToken, statusOf, withToken } from '../support/tokens.js';

const other = 'k'.repeat(44);

test('a key that is changed while the service runs is effective with the next request; open clients stay', async () => {
  const keys = new Keys({ primary: developmentKey, secondary: undefined });
  const started = await startHub({ keys });
  const { service, dial } = started;
  const url = `${service.publicUrl}/api/hubs/chat/:send`;
  const send = async (key: string) => {
    const authorization = `Bearer ${signToken({ aud: url, exp: inMinutes(5) }, key)}`;
    return (await fetch(url, { method: 'POST', body: 'x', headers: { authorization, 'content-type': 'text/plain' } }))
      .status;
  };
  const by = (key: string) => withToken(signToken({ aud: audienceOf(started), exp: inMinutes(5) }, key));

  const client = await dial({ protocols: [], ...by(developmentKey) });
  expect([await send(developmentKey), await send(other)]).toEqual([202, 401]);
  expect(await client.nextText()).toBe('x');

  keys.change({ primary: other, secondary: undefined });
  expect([await send(developmentKey), await send(other)]).toEqual([401, 202]);
  expect(await client.nextText()).toBe('x');
  expect([await statusOf(dial, by(developmentKey)), await statusOf(dial, by(other))]).toEqual([401, 101]);
  expect(service.connectionString).toContain(`AccessKey=${other};`);
});
