import { beforeEach, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { domainError, startRest } from './rest-harness.js';

const message = 'the result is not known: nodes of the service did not answer (b). Try again.';

let rest: ReturnType<typeof startRest>;

beforeEach(() => {
  rest = startRest();
  const { hubs } = rest;
  const get = hubs.get.bind(hubs);
  const unknown = () => Promise.reject(new PubSubError('unknown', message));
  const shed = () => {
    throw new PubSubError('unknown', message);
  };
  hubs.get = name => ({
    ...get(name),
    connectionExists: unknown,
    userExists: unknown,
    groupExists: unknown,
    checkPermission: unknown,
    listGroup: unknown,
    addConnectionToGroup: unknown,
    closeAll: unknown,
    sendToAll: shed,
  });
});

const hub = '/api/hubs/chat';

test.each([
  ['HEAD', `${hub}/connections/x`],
  ['HEAD', `${hub}/users/x`],
  ['HEAD', `${hub}/groups/x`],
  ['HEAD', `${hub}/permissions/sendToGroup/connections/x?targetName=g`],
  ['GET', `${hub}/groups/x/connections`],
  ['PUT', `${hub}/groups/g/connections/x`],
  ['POST', `${hub}/:closeConnections`],
  ['POST', `${hub}/:send`],
] as const)('%s %s whose result is not known is 503, with when to come again, and never 404', async (method, url) => {
  const headers = url.endsWith(':send') ? { 'content-type': 'text/plain' } : {};
  const response = await rest.ask(method, url, url.endsWith(':send') ? { headers, payload: 'x' } : {});
  expect([response.statusCode, response.headers['retry-after'], response.headers['x-ms-error-code']]).toEqual([
    503,
    '1',
    'Error.ServiceUnavailable',
  ]);
  if (method !== 'HEAD') expect(response.json()).toEqual(domainError('Error.ServiceUnavailable', 'Request', message));
});
