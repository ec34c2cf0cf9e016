import { describe, expect, test } from 'vitest';
import { invalidGroupName } from '../../../src/rest/parameters.js';
import { domainError, startRest } from './rest-harness.js';

const operations = [':addToGroups', ':removeFromGroups'] as const;
const methods = { ':addToGroups': 'addConnectionsToGroups', ':removeFromGroups': 'removeConnectionsFromGroups' };
const json = { 'content-type': 'application/json' };

async function change(body: unknown, headers: Record<string, string> = json, operation: string = ':addToGroups') {
  const rest = startRest();
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return { hubs: rest.hubs, reply: await rest.ask('POST', `/api/hubs/chat/${operation}`, { headers, payload }) };
}

describe.each(operations)('%s', operation => {
  test('[RA-057] groups and filter go to the hub, 200 without a body', async () => {
    const { reply, hubs } = await change({ groups: ['a', 'b', 'a'], filter: "'x' in groups" }, json, operation);
    expect([reply.statusCode, reply.body, reply.headers['content-length']]).toEqual([200, '', '0']);
    expect(hubs.calls).toEqual([['chat', methods[operation], ['a', 'b'], "'x' in groups"]]);
  });

  test.each([
    { Groups: ['a'], FILTER: "'x' in groups" },
    { groups: ['b'], filter: null, GROUPS: ['a'], Filter: "'x' in groups" },
  ])('letter case does not count in the names of %j, and the last of several counts', async body => {
    const { reply, hubs } = await change(body, json, operation);
    expect(reply.statusCode).toBe(200);
    expect(hubs.calls).toMatchObject([['chat', expect.any(String), ['a'], "'x' in groups"]]);
  });

  test.each([{}, { filter: null }, { filter: '' }])('[RA-058] %j is no filter', async filter => {
    const { reply, hubs } = await change({ groups: ['a'], ...filter }, json, operation);
    expect(reply.statusCode).toBe(200);
    expect(hubs.calls).toEqual([['chat', methods[operation], ['a'], undefined]]);
  });

  test.each([' ', 'invalid filter', 1, true, [], {}])('[RA-058] [RA-062] filter %j is 400', async filter => {
    const { reply, hubs } = await change({ groups: ['a'], filter }, json, operation);
    expect([reply.statusCode, reply.headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
    const { message } = reply.json();
    expect(reply.json()).toMatchObject({ target: 'Filter', errors: { Filter: [message] } });
    expect(hubs.calls).toEqual([]);
  });

  test.each([
    {},
    { groups: null },
    { groups: [] },
    { groups: 'a' },
    { groups: { 0: 'a', length: 1 } },
    { groups: ['a', 1] },
    { groups: ['a', null] },
    { groups: ['a', ' '] },
    { groups: ['a', ''] },
    { groups: ['a', 'g'.repeat(1025)] },
    { groups: ['a', '..'] },
    [],
    null,
    1,
    'null',
  ])('[RA-059] [RA-062] body %j is 400', async body => {
    const { reply, hubs } = await change(body, json, operation);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ target: 'Groups', errors: { Groups: [invalidGroupName] } });
    expect(hubs.calls).toEqual([]);
  });

  test.each([{}, { 'content-type': 'text/plain' }, { 'content-type': 'text/json' }, { 'content-type': ';' }])(
    '[RA-061] %j is 415',
    async headers => {
      const { reply, hubs } = await change({ groups: ['a'] }, headers, operation);
      expect([reply.statusCode, hubs.calls]).toEqual([415, []]);
    },
  );

  test.each(['', '{', '{"groups":["a"]}x', Buffer.from('{"groups":["\xff"]}', 'latin1')])(
    'body %# is no JSON: 400',
    async body => {
      const { reply, hubs } = await change(body, json, operation);
      expect([reply.statusCode, hubs.calls]).toEqual([400, []]);
      expect(reply.json()).toEqual(domainError('Error.BadRequest', 'Request', expect.any(String)));
    },
  );
});

test('[RA-061] a charset is taken as for sends', async () => {
  const body = Buffer.from(JSON.stringify({ groups: ['ž'] }), 'utf16le');
  const { hubs } = await change(body, { 'content-type': 'application/json; charset=utf-16' });
  expect(hubs.calls[0]?.[2]).toEqual(['ž']);
});

test('ten thousand groups are a call like any other', async () => {
  const groups = Array.from({ length: 10_000 }, (_, index) => `group-${index}`);
  const { reply, hubs } = await change({ groups });
  expect([reply.statusCode, hubs.calls[0]?.[2]]).toEqual([200, groups]);
});
