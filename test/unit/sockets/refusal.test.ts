import { describe, expect, test } from 'vitest';
import { ConnectRefused, PubSubError } from '../../../src/errors.js';
import { type Refusal, RefusedUpgrade, refusalOf, refuse } from '../../../src/sockets/refusal.js';
import { settled } from '../../support/fake-ports.js';
import { FakeSocket } from '../../support/fake-socket.js';

describe('[client-protocols 1.4] what an upgrade is answered with', () => {
  test.each([
    ['notFound', 404],
    ['invalid', 400],
    ['unauthorized', 401],
    ['forbidden', 403],
    ['tooMany', 429],
  ] as const)('%s is %i, and says why', (kind, status) => {
    expect(refusalOf(new PubSubError(kind, 'because'))).toEqual({
      status,
      contentType: 'text/plain; charset=utf-8',
      body: Buffer.from('because'),
      reason: 'because',
    });
  });

  test.each([new PubSubError('eventFailed', 'SECRET'), new TypeError('SECRET'), 'SECRET', undefined])(
    '[CP-018] our own and the upstream’s troubles (%#) are 500 without a word',
    cause => {
      const { status, body } = refusalOf(cause);
      expect([status, body.toString()]).toEqual([500, '']);
    },
  );

  test('[F4] an upstream that too many wait for is 503, with when to come again and no word about it', () => {
    const { status, headers, body } = refusalOf(new PubSubError('overloaded', 'SECRET'));
    expect([status, headers]).toEqual([503, { 'Retry-After': '5' }]);
    expect(body.toString()).toBe('The app server has too many events waiting. Try again later.');
  });

  test('[design 5] a service that starts or stops says so, and when to come again: after 1 to 5 s', () => {
    const { status, headers, body } = refusalOf(new PubSubError('shuttingDown', 'because'));
    expect([status, body.toString()]).toEqual([503, 'because']);
    expect(headers?.['Retry-After']).toMatch(/^[1-5]$/);
  });

  test('[CL-102] a client whose connect event waited too long is 503, to come again after 1 to 5 s', () => {
    const refusals = Array.from({ length: 200 }, () => refusalOf(new PubSubError('waitedTooLong', 'SECRET')));
    const waits = new Set(refusals.map(({ headers }) => headers?.['Retry-After']));
    expect([...waits].sort()).toEqual(['1', '2', '3', '4', '5']);
    expect(refusals[0]).toMatchObject({ status: 503 });
    expect(refusals[0]?.body.toString()).toBe('The app server has too many events waiting. Try again later.');
  });

  test('nodes that could not be reached are 503, with when to come again and no word about them', () => {
    const { status, headers, body, reason } = refusalOf(new PubSubError('unknown', 'node b is away'));
    expect([status, headers, reason]).toEqual([503, { 'Retry-After': '1' }, 'node b is away']);
    expect(body.toString()).toBe('Not all nodes of the service could be reached. Try again later.');
  });

  test('[CP-017] [upstream-events D17] the upstream’s refusal goes to the client as it is', () => {
    const refused = new ConnectRefused(418, Buffer.from('no tea'), 'text/x');
    expect(refusalOf(refused)).toMatchObject({ status: 418, contentType: 'text/x', body: Buffer.from('no tea') });
    expect(refusalOf(new ConnectRefused(403, undefined, undefined))).toMatchObject({
      status: 403,
      body: Buffer.alloc(0),
    });
  });
});

describe('how it is written', () => {
  async function written(refusal: Partial<Refusal>): Promise<{ text: string; socket: FakeSocket }> {
    const socket = new FakeSocket();
    refuse(socket, {
      status: 400,
      contentType: undefined,
      body: Buffer.alloc(0),
      reason: 'r',
      ...refusal,
    });
    await settled();
    return { text: socket.written.toString('latin1'), socket };
  }

  test('as one HTTP response, after which the socket is gone', async () => {
    const body = Buffer.from('é');
    const { text, socket } = await written({ status: 404, contentType: 'text/plain', body });
    expect(text).toBe(
      `HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\n${body.toString('latin1')}`,
    );
    expect(socket.destroyed).toBe(true);
  });

  test('without a body there is no content type', async () => {
    const { text } = await written({ contentType: 'text/plain' });
    expect(text).toBe('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });

  test('[F15] [D27] with the headers of its own', async () => {
    const refusal = refusalOf(new RefusedUpgrade('tooMany', 'full', { 'Retry-After': '5' }));
    expect((await written(refusal)).text).toMatch(/^HTTP\/1\.1 429 [\s\S]*\r\nRetry-After: 5\r\n[\s\S]*\r\n\r\nfull$/);
  });

  test('[RA-018] 401 names the scheme; a status without a name is written all the same', async () => {
    expect((await written({ status: 401 })).text).toContain('\r\nWWW-Authenticate: Bearer\r\n');
    expect((await written({ status: 499 })).text).toMatch(/^HTTP\/1\.1 499 \r\n/);
  });
});
