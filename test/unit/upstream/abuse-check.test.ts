import { describe, expect, test } from 'vitest';
import type { OutgoingRequest } from '../../../src/egress/destination.js';
import type { Answer, Failure, Response } from '../../../src/egress/exchange.js';
import { type AbuseCheck, checkUpstream, failureVerdict, responseVerdict } from '../../../src/upstream/abuse-check.js';

const check: AbuseCheck = {
  origin: 'http://localhost:3000',
  path: '/api/validate?code=k',
  serviceOrigins: ['pubsub.example', 'eu.pubsub.example'],
  requestOrigins: ['pubsub.example', 'eu.pubsub.example'],
  servicePorts: [8080],
  lenientOriginList: false,
};

function response(status: number, allowed?: string | string[]): Response {
  const headers = allowed === undefined ? {} : { 'webhook-allowed-origin': allowed };
  return { kind: 'response', status, headers, body: Buffer.alloc(0) };
}

/** Answers in turn and keeps what was asked. */
function upstream(...answers: Answer[]) {
  const asked: OutgoingRequest[] = [];
  const send = async (request: OutgoingRequest): Promise<Answer> => {
    asked.push(request);
    return answers.shift()!;
  };
  return { asked, send };
}

test('with ports in the origin, an answer with and one without the port will do, and the advice names what was sent', () => {
  const withPort: AbuseCheck = { ...check, requestOrigins: ['pubsub.example:9000'] };
  for (const allowed of ['pubsub.example:9000', 'PubSub.Example:9000', 'pubsub.example', '*']) {
    expect(responseVerdict(response(200, allowed), withPort).isValid).toBe(true);
  }
  expect(responseVerdict(response(200, 'pubsub.example:9000'), check).isValid).toBe(false);
  expect(responseVerdict(response(200), withPort)).toMatchObject({
    advice: expect.stringContaining('"WebHook-Allowed-Origin: pubsub.example:9000"'),
  });
});

describe('[D25] [upstream-events 4.2] valid', () => {
  test.each([
    ['[UE-082] *', '*'],
    ['the origin', 'pubsub.example'],
    ['[UE-083] in other case', 'PubSub.Example'],
    ['[upstream-events 4.4] any one of the origins', 'eu.pubsub.example'],
    ['[UE-090] with one of our ports', 'pubsub.example:8080'],
    ['[UE-084] two lines, the second matches', ['other.example', 'pubsub.example']],
  ])('%s', (_, allowed) => {
    expect(responseVerdict(response(200, allowed), check).isValid).toBe(true);
  });

  test.each([200, 204, 299])('[upstream-events D13] status %i', status => {
    expect(responseVerdict(response(status, '*'), check).isValid).toBe(true);
  });
});

describe('[D25] [upstream-events 4.2] not valid, and what is said about it', () => {
  test.each([
    ['[UE-085] no header', response(200), 'WebHook-Allowed-Origin: pubsub.example'],
    ['an empty header', response(200, ''), 'WebHook-Allowed-Origin: pubsub.example'],
    ['another origin', response(200, 'other.example'), '"WebHook-Allowed-Origin: pubsub.example" or "*"'],
    ['another port', response(200, 'pubsub.example:9'), 'WebHook-Allowed-Origin: pubsub.example'],
    ['only a part of it', response(200, 'example'), 'WebHook-Allowed-Origin: pubsub.example'],
    [
      '[upstream-events D5] a comma list',
      response(200, 'other.example, pubsub.example'),
      'one WebHook-Allowed-Origin line',
    ],
    ['[upstream-events D13] 400 with the header', response(400, '*'), 'WebHook-Allowed-Origin'],
    ['a redirect', response(302, '*'), 'redirects are not followed'],
    ['[UE-087] 405', response(405, '*'), 'allow the method OPTIONS'],
    ['401', response(401), 'without credentials'],
    ['404', response(404), 'check the path'],
    ['503', response(503), 'log of the app'],
  ])('%s', (_, answer, advice) => {
    const verdict = responseVerdict(answer, check);
    expect(verdict).toMatchObject({ isValid: false, advice: expect.stringContaining(advice) });
    expect(verdict.answered).toContain(String(answer.status));
  });

  test('[upstream-events D5] a comma list is fine with lenientOriginList', () => {
    const answer = response(200, 'other.example, pubsub.example');
    expect(responseVerdict(answer, { ...check, lenientOriginList: true }).isValid).toBe(true);
  });

  test.each([
    ['connection', 'ECONNREFUSED', 'is the app running at http://localhost:3000?'],
    ['connection', 'ENOTFOUND', 'check the host'],
    ['connection', 'UND_ERR_CONNECT_TIMEOUT', 'reachable'],
    ['connection', 'UND_ERR_SOCKET', 'speak plain HTTP'],
    ['connection', 'CERT_HAS_EXPIRED', 'renew the certificate'],
    ['connection', 'ERR_TLS_CERT_ALTNAME_INVALID', 'a host name of the certificate'],
    ['connection', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['connection', 'ERR_SSL_WRONG_VERSION_NUMBER', 'write http://'],
    ['connection', 'EPIPE', 'answers plain HTTP'],
    ['connection', undefined, 'answers plain HTTP'],
    ['timeout', undefined, 'busy or blocked'],
  ] as const)('%s %s', (failure, code, advice) => {
    const answer: Failure = { kind: 'failure', failure, code };
    expect(failureVerdict(answer, check)).toMatchObject({ isValid: false, advice: expect.stringContaining(advice) });
  });

  test('[D21] CORS middleware that answered is told by its headers', () => {
    const headers = { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET,HEAD,PUT' };
    expect(responseVerdict({ ...response(204), headers }, check)).toEqual({
      isValid: false,
      answered: 'answered 204 without WebHook-Allowed-Origin, but with access-control-allow-origin',
      advice: expect.stringContaining('mount the event handler before it'),
    });
    expect(
      responseVerdict({ ...response(204, '*'), headers: { ...headers, 'webhook-allowed-origin': '*' } }, check),
    ).toMatchObject({ isValid: true });
  });

  test.each([
    ['https://app.example/hooks?code=SECRET#x', 'answered 301 to https://app.example/hooks'],
    ['/hooks/', 'answered 301 to /hooks/'],
    ['https://user:SECRET@app.example/', 'answered 301 to https://app.example/'],
    [`/${'x'.repeat(5000)}`, `answered 301 to /${'x'.repeat(99)}…`],
    [undefined, 'answered 301'],
  ])('[D21] a redirect to %s names its target', (location, answered) => {
    expect(responseVerdict({ ...response(301), headers: { location } }, check)).toMatchObject({
      answered,
      advice: expect.stringContaining('redirects are not followed'),
    });
  });

  test('nothing that is said shows the ?code=, and a long answer is cut', () => {
    const verdict = responseVerdict(response(200, `\t${'x'.repeat(5000)}`), check);
    expect(JSON.stringify(verdict)).not.toContain('code=');
    expect(verdict.answered.length).toBeLessThan(200);
  });
});

describe('the request', () => {
  test('[UE-080] OPTIONS with two headers and nothing else', async () => {
    const { asked, send } = upstream(response(200, '*'));
    expect(await checkUpstream({ send }, check)).toMatchObject({ isValid: true });
    expect(asked).toEqual([
      {
        method: 'OPTIONS',
        origin: 'http://localhost:3000',
        path: '/api/validate?code=k',
        headers: ['WebHook-Request-Origin', 'pubsub.example,eu.pubsub.example', 'ce-awpsversion', '1.0'],
        body: undefined,
      },
    ]);
  });

  test('[D25] [UE-086] on 404 the same as GET', async () => {
    const { asked, send } = upstream(response(404), response(200, '*'));
    expect(await checkUpstream({ send }, check)).toMatchObject({ isValid: true });
    expect(asked[1]).toEqual({ ...asked[0], method: 'GET' });
  });

  test.each([
    ['[UE-087] 405', response(405)],
    ['500', response(500)],
    ['a redirect', response(301)],
    ['a timeout', { kind: 'failure', failure: 'timeout', code: undefined } as const],
  ])('no GET after %s', async (_, answer) => {
    const { asked, send } = upstream(answer);
    expect(await checkUpstream({ send }, check)).toMatchObject({ isValid: false });
    expect(asked).toHaveLength(1);
  });

  test('a GET that fails is what counts', async () => {
    const { send } = upstream(response(404), { kind: 'failure', failure: 'connection', code: 'ECONNRESET' });
    expect(await checkUpstream({ send }, check)).toMatchObject({ isValid: false, answered: /connection closed/ });
  });
});
