import { expect, test } from 'vitest';
import { NetworkBus } from '../support/network-bus.js';
import { startHub } from '../support/start-hub.js';
import { inMinutes, signToken } from '../support/tokens.js';

/** A service with a client of user `ann` in group `g`, and another node, which does not answer. */
async function startPartial() {
  const bus = new NetworkBus();
  const { service, dial } = await startHub({ backplane: bus.connect() });
  await (await dial({ token: { userId: 'ann', groups: ['g'] } })).next();
  const other = bus.connect();
  other.isSilent = true;
  /** Status, and the header. */
  const call = async (method: string, path: string, body?: object) => {
    const url = `${service.endpoints.primary}/api/hubs/chat${path}`;
    const authorization = `Bearer ${signToken({ aud: url, exp: inMinutes(5) })}`;
    const content = body && {
      body: JSON.stringify(body),
      headers: { authorization, 'content-type': 'application/json' },
    };
    const response = await fetch(url, { method, headers: { authorization }, ...content });
    return [response.status, response.headers.get('x-hubwire-partial')];
  };
  return { call, other };
}

type Row = readonly [status: number, method: string, path: string, body?: object];

const partial: readonly Row[] = [
  [200, 'GET', '/groups/g/connections'],
  [200, 'GET', '/groups/none/connections'],
  [200, 'PUT', '/users/ann/groups/h'],
  [204, 'DELETE', '/users/ann/groups/h'],
  [204, 'DELETE', '/users/ann/groups'],
  [200, 'POST', '/:addToGroups', { groups: ['g'] }],
  [200, 'POST', '/:removeFromGroups', { groups: ['h'] }],
  [204, 'POST', '/groups/h/:closeConnections'],
  [204, 'POST', '/users/bob/:closeConnections'],
  [204, 'POST', '/:closeConnections'],
];

const notKnown: readonly Row[] = [
  [503, 'HEAD', '/users/bob'],
  [503, 'HEAD', '/groups/h'],
  [503, 'PUT', '/users/bob/groups/h'],
  [503, 'DELETE', `/connections/${'x'.repeat(31)}`],
];

test('[CL-041] a list or a bulk change with a node missing is done, and its response says how many are missing', async () => {
  const { call, other } = await startPartial();
  for (const [status, method, path, body] of partial) {
    expect([path, ...(await call(method, path, body))]).toEqual([path, status, '1']);
  }
  other.isSilent = false;
  for (const [status, method, path, body] of partial.filter(([, method]) => method !== 'PUT')) {
    expect([path, ...(await call(method, path, body))]).toEqual([path, status, null]);
  }
});

test('[CL-041] what is not found with a node missing is not known, and what is found is', async () => {
  const { call } = await startPartial();
  for (const [status, method, path] of notKnown)
    expect([path, ...(await call(method, path))]).toEqual([path, status, null]);
  expect(await call('HEAD', '/users/ann')).toEqual([200, null]);
});
