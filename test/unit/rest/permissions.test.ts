import { describe, expect, test } from 'vitest';
import { invalidGroupName } from '../../../src/rest/parameters.js';
import { domainError, startRest } from './rest-harness.js';

const verbs = ['PUT', 'DELETE', 'HEAD'] as const;

function path(permission: string, query = '?targetName=g', connectionId = 'known'): string {
  return `/api/hubs/chat/permissions/${permission}/connections/${connectionId}${query}`;
}

describe('permissions', () => {
  test.each([
    ['sendToGroup', 'sendToGroup'],
    ['SENDTOGROUP', 'sendToGroup'],
    ['1', 'sendToGroup'],
    ['joinLeaveGroup', 'joinLeaveGroup'],
    ['2', 'joinLeaveGroup'],
  ])('[RA-074] %s is %s for all three verbs', async (written, permission) => {
    const { ask, hubs } = startRest();
    const replies = await Promise.all(verbs.map(verb => ask(verb, path(written))));
    expect(replies.map(reply => reply.statusCode)).toEqual([200, 204, 200]);
    expect(hubs.calls.map(call => call.slice(1))).toEqual(
      ['grant', 'revoke', 'check'].map(verb => [`${verb}Permission`, 'known', permission, 'g']),
    );
  });

  test.each(['0', '3', 'foo', '01', '%20', '__proto__'])('[RA-074] %s is no permission', async permission => {
    const { ask, hubs } = startRest();
    for (const verb of verbs) expect((await ask(verb, path(permission))).statusCode).toBe(400);
    const reply = await ask('PUT', path(permission));
    expect(reply.json()).toEqual(domainError('Error.BadRequest', 'permission', expect.any(String)));
    expect(hubs.calls).toEqual([]);
  });

  test.each(['', '?targetName=', '?targetName=%20', `?targetName=${'g'.repeat(1025)}`, '?targetName=a&targetName=b'])(
    '[RA-073] without one good targetName (%#) all three verbs are 400',
    async query => {
      const { ask, hubs } = startRest();
      for (const verb of verbs) {
        const reply = await ask(verb, path('sendToGroup', query));
        expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([400, 'Error.BadRequest']);
        if (verb !== 'HEAD') expect(reply.json()).toEqual(domainError('Error.BadRequest', 'Request', invalidGroupName));
      }
      expect(hubs.calls).toEqual([]);
    },
  );

  test.each(['*', 'room.*', 'g'.repeat(1024), 'a/b c+d'])('[RA-075] target %s is literal', async group => {
    const { ask, hubs } = startRest();
    await ask('PUT', path('sendToGroup', `?targetName=${encodeURIComponent(group)}`));
    expect(hubs.calls[0]?.at(-1)).toBe(group);
  });

  test('[RA-072] an unknown connection: grant and check are 404, revoke is 204', async () => {
    const { ask } = startRest();
    const replies = await Promise.all(verbs.map(verb => ask(verb, path('sendToGroup', undefined, 'gone'))));
    expect(replies.map(reply => reply.statusCode)).toEqual([404, 204, 404]);
    expect(replies[2]?.headers['x-ms-error-code']).toBe('Info.Connection.NotExisted');
    expect(replies[0]?.json()).toEqual(
      domainError('Info.Connection.NotExisted', 'Connection', 'Connection `gone` is not found.'),
    );
  });

  test('[RA-078] too many single groups: 409', async () => {
    const { ask } = startRest();
    const reply = await ask('PUT', path('sendToGroup', '?targetName=full'));
    expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([409, 'Error.Connection.Conflict']);
    expect(reply.json()).toEqual(domainError('Error.Connection.Conflict', 'Connection', expect.any(String)));
  });
});
