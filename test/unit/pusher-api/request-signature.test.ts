import { createHash } from 'node:crypto';
import fc from 'fast-check';
import Pusher from 'pusher';
import { describe, expect, test } from 'vitest';
import type { AppKey } from '../../../src/auth/pusher-signatures.js';
import { checkSignature, type SentRequest } from '../../../src/pusher-api/request-signature.js';
import { type RequestParts, signedTarget } from '../../support/pusher-requests.js';

const nowSeconds = 1_790_000_000;
const key: AppKey = { key: 'hubkey01', secret: 'hubsecret01', active: true };

function check(request: SentRequest, options: { keys?: readonly AppKey[]; now?: number; basePaths?: string[] } = {}) {
  const { keys = [key], now = nowSeconds, basePaths = [] } = options;
  return checkSignature(request, { keys, nowMs: now * 1_000, basePaths });
}

/** Checks what the reference signed. */
function checkParts(parts: RequestParts, options?: Parameters<typeof check>[1]) {
  return check({ method: parts.method, target: signedTarget({ now: nowSeconds, ...parts }) }, options);
}

const channels = { method: 'GET', path: '/apps/42/channels' } as const;

function isWellFormed(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text;
}

describe('vectors', () => {
  const documented = {
    keys: [{ key: '278d425bdf160c739803', secret: '7ad3773142a6692b25b8', active: true }],
    now: 1_353_088_179,
  };

  test("the worked example of Pusher's documents", () => {
    const target =
      '/apps/3/events?body_md5=ec365a775a4cd0599faeb73354201b6f&auth_version=1.0&auth_key=278d425bdf160c739803' +
      '&auth_timestamp=1353088179&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c';
    const body = Buffer.from('{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}');
    expect(() => check({ method: 'POST', target }, documented).checkBody(body)).not.toThrow();
  });

  test('a GET with a filter', () => {
    const target =
      '/apps/42/channels?auth_key=hubkey01&auth_timestamp=1790000000&auth_version=1.0&filter_by_prefix=presence-' +
      '&info=user_count&auth_signature=febc33dd001329fd5c8217633d117171071c9a7b0f7c025de51a276d7db08517';
    const parameters = check({ method: 'GET', target });
    expect(parameters.get('filter_by_prefix')).toBe('presence-');
    expect(parameters.get('info')).toBe('user_count');
  });

  test('a POST with a body', () => {
    const body = Buffer.from('{"name":"tick","channels":["orders-7"],"data":"{\\"n\\":1}"}');
    const target =
      '/apps/42/events?auth_key=hubkey01&auth_timestamp=1790000000&auth_version=1.0&body_md5=1c7264075d67b0ad90abf0f58deae41a' +
      '&auth_signature=66d9b063d6881a263ee578e7591ae0a95596c7351324497dcbe62a2029d17e09';
    expect(() => check({ method: 'POST', target }).checkBody(body)).not.toThrow();
  });
});

describe('the path', () => {
  test('may be signed as it was sent', () => {
    const path = '/apps/42/users/a%20b/terminate_connections';
    expect(() => checkParts({ method: 'POST', path })).not.toThrow();
  });

  test('may be signed before it was encoded', () => {
    const path = '/apps/42/users/a b/terminate_connections';
    const sentPath = '/apps/42/users/a%20b/terminate_connections';
    expect(() => checkParts({ method: 'POST', path, sentPath })).not.toThrow();
  });

  test('may have lost the path of a public endpoint on its way', () => {
    const parts = { method: 'GET', path: '/base/apps/42/channels', sentPath: '/apps/42/channels' } as const;
    expect(() => checkParts(parts, { basePaths: ['/base'] })).not.toThrow();
    expect(() => checkParts(parts)).toThrow('Invalid signature');
  });

  test('may be signed without the path of a public endpoint, which the library puts in front later (laravel/reverb#356)', () => {
    const parts = { method: 'GET', path: '/apps/42/channels', sentPath: '/base/apps/42/channels' } as const;
    expect(() => checkParts(parts, { basePaths: ['/other', '/base'] })).not.toThrow();
    expect(() => checkParts(parts, { basePaths: ['/bas', '/base/apps'] })).toThrow('Invalid signature');
    expect(() => checkParts(parts)).toThrow('Invalid signature');
  });

  test('is signed without scheme and authority', () => {
    const sentPath = 'http://hub.example:8080/apps/42/channels';
    expect(() => checkParts({ ...channels, sentPath })).not.toThrow();
  });

  test('with malformed percent-encoding is signed as it was sent', () => {
    const path = '/apps/42/channels/%zz';
    expect(() => checkParts({ method: 'GET', path })).not.toThrow();
  });

  test('of another app is not the one that was signed', () => {
    expect(() => checkParts({ ...channels, sentPath: '/apps/43/channels' })).toThrow('Invalid signature');
  });
});

describe('the query', () => {
  test('has keys in any case', () => {
    const parameters = checkParts({ ...channels, query: [['Filter_By_Prefix', 'x']] });
    expect(parameters.get('filter_by_prefix')).toBe('x');
  });

  test('keeps the order of repeated keys', () => {
    const query = [
      ['channels[]', 'b'],
      ['channels[]', 'a'],
    ] as const;
    expect(checkParts({ ...channels, query }).values('channels')).toEqual(['b', 'a']);
    const swapped = signedTarget({ ...channels, query, now: nowSeconds }).replace(/=b&(.*?)=a&/, '=a&$1=b&');
    expect(() => check({ method: 'GET', target: swapped })).toThrow('Invalid signature');
  });

  test('may have an array as PHP sends it, which it signs with commas (beyondcode/laravel-websockets#38)', () => {
    const signed = signedTarget({ ...channels, query: [['info', 'user_count,subscription_count']], now: nowSeconds });
    const sent = (elements: string) => signed.replace('info=user_count%2Csubscription_count', elements);
    const target = sent('info%5B0%5D=user_count&info%5B1%5D=subscription_count');
    expect(check({ method: 'GET', target }).list('info')).toBe('user_count,subscription_count');
    const swapped = sent('info%5B0%5D=subscription_count&info%5B1%5D=user_count');
    expect(() => check({ method: 'GET', target: swapped })).toThrow('Invalid signature');
    const other = signedTarget({ ...channels, query: [['filter_by_prefix', 'a,b']], now: nowSeconds });
    const otherTarget = other.replace('filter_by_prefix=a%2Cb', 'filter_by_prefix[0]=a&filter_by_prefix[1]=b');
    expect(() => check({ method: 'GET', target: otherTarget })).toThrow('Invalid signature');
  });

  test.each([
    ['a+b', 'a b'],
    ['a%20b', 'a b'],
    ['a+b', 'a+b'],
  ])('%s may stand for "%s"', (sent, meant) => {
    const target = signedTarget({ ...channels, query: [['filter_by_prefix', meant]], now: nowSeconds });
    const written = target.replace(encodeURIComponent(meant), sent);
    expect(check({ method: 'GET', target: written }).get('filter_by_prefix')).toBe(meant);
  });

  test('may have a key without a value', () => {
    const target = signedTarget({ ...channels, query: [['flag', '']], now: nowSeconds }).replace('flag=', 'flag');
    expect(check({ method: 'GET', target }).get('flag')).toBe('');
  });
});

describe('the time', () => {
  test.each([-600, -599, 0, 599, 600])('%i s from now is accepted', seconds => {
    expect(() => checkParts({ ...channels, now: nowSeconds + seconds })).not.toThrow();
  });

  test.each([-601, 601])('%i s from now is refused', seconds => {
    expect(() => checkParts({ ...channels, now: nowSeconds + seconds })).toThrow(
      `Timestamp expired: Given timestamp (${nowSeconds + seconds}) not within 600s of server time (${nowSeconds})`,
    );
  });

  test.each(['', 'now', '1790000000.5', '-1790000000', '1e9', '9'.repeat(400)])('"%s" is no time', timestamp => {
    expect(() => checkParts({ ...channels, auth: { auth_timestamp: timestamp } })).toThrow('auth_timestamp');
  });
});

describe('a request is refused', () => {
  test.each(['auth_key', 'auth_timestamp', 'auth_version'])('without %s', name => {
    expect(() => checkParts({ ...channels, auth: { [name]: undefined } })).toThrow(name);
  });

  test('without a signature', () => {
    const target = signedTarget({ ...channels, now: nowSeconds }).replace(/&auth_signature=.*/, '');
    expect(() => check({ method: 'GET', target })).toThrow('auth_signature');
  });

  test('without a query', () => {
    const missing = 'auth_key, auth_timestamp, auth_version, auth_signature';
    expect(() => check({ method: 'GET', target: '/apps/42/channels' })).toThrow(missing);
  });

  test('with two signatures', () => {
    const target = `${signedTarget({ ...channels, now: nowSeconds })}&auth_signature=0`;
    expect(() => check({ method: 'GET', target })).toThrow('more than once: auth_signature');
  });

  test('with another version', () => {
    expect(() => checkParts({ ...channels, auth: { auth_version: '2.0' } })).toThrow('auth_version');
  });

  test('with the key of another app, and with one that is not active', () => {
    expect(() => checkParts(channels, { keys: [{ ...key, key: 'other' }] })).toThrow('auth_key');
    expect(() => checkParts(channels, { keys: [{ ...key, active: false }] })).toThrow('auth_key');
  });

  test('with another secret', () => {
    expect(() => checkParts(channels, { keys: [{ ...key, secret: 'hubsecret02' }] })).toThrow('Invalid signature');
  });

  test('with another method', () => {
    expect(() => check({ method: 'POST', target: signedTarget({ ...channels, now: nowSeconds }) })).toThrow('Invalid');
  });

  test.each([
    ['upper case', (signature: string) => signature.toUpperCase()],
    ['a prefix', (signature: string) => `sha256=${signature}`],
    ['too few digits', (signature: string) => signature.slice(1)],
    ['other characters', (signature: string) => 'é'.repeat(signature.length)],
  ])('with a signature of %s', (_kind, change) => {
    const url = new URL(`http://hub${signedTarget({ ...channels, now: nowSeconds })}`);
    url.searchParams.set('auth_signature', change(url.searchParams.get('auth_signature') ?? ''));
    expect(() => check({ method: 'GET', target: url.pathname + url.search })).toThrow('Invalid signature');
  });

  test('with a text that shows what must be signed, and neither the secret nor the right signature', () => {
    const wrong = '0'.repeat(64);
    const target = signedTarget({ ...channels, auth: { auth_signature: wrong }, now: nowSeconds });
    const right = new URL(`http://hub${signedTarget({ ...channels, now: nowSeconds })}`).searchParams;
    try {
      check({ method: 'GET', target });
      expect.unreachable();
    } catch (error) {
      const { message, logged } = error as Error & { logged: string };
      expect(message).toContain('GET\\n/apps/42/channels\\nauth_key=hubkey01');
      for (const text of [message, logged]) {
        expect(text).not.toContain('hubsecret01');
        expect(text).not.toContain(right.get('auth_signature'));
      }
      expect(logged).not.toContain('auth_timestamp');
    }
  });
});

describe('the body', () => {
  const signed = (auth: RequestParts['auth'], body?: string) =>
    checkParts({ method: 'POST', path: '/apps/42/events', ...(body !== undefined && { body }), ...(auth && { auth }) });

  test('must be the one that was signed', () => {
    expect(() => signed(undefined, '{}').checkBody(Buffer.from('{}'))).not.toThrow();
    expect(() => signed(undefined, '{}').checkBody(Buffer.from('{} '))).toThrow('body_md5');
    expect(() => signed(undefined, '{}').checkBody(Buffer.alloc(0))).toThrow('body_md5');
  });

  test('must be signed', () => {
    expect(() => signed(undefined).checkBody(Buffer.from('{}'))).toThrow('body_md5');
  });

  test('may be empty, with a digest or without', () => {
    expect(() => signed(undefined).checkBody(Buffer.alloc(0))).not.toThrow();
    expect(() => signed({ body_md5: 'd41d8cd98f00b204e9800998ecf8427e' }).checkBody(Buffer.alloc(0))).not.toThrow();
    expect(() => signed({ body_md5: 'd41d8cd98f00b204e9800998ecf8427f' }).checkBody(Buffer.alloc(0))).toThrow();
  });
});

describe('against other implementations', () => {
  const value = fc.string({ unit: 'grapheme', maxLength: 12 }).filter(isWellFormed);
  const segment = fc.string({ maxLength: 12 }).filter(text => text !== '' && !/[?#/\\\r\n\t]|^\.{1,2}$/.test(text));
  const name = fc
    .stringMatching(/^[a-zA-Z_[\]]{1,8}$/)
    .filter(text => !/^(auth_(key|timestamp|version|signature)|body_md5)$/i.test(text));
  const parts = fc.record({
    method: fc.constantFrom('GET' as const, 'POST' as const),
    segments: fc.array(segment, { maxLength: 3 }),
    query: fc.array(fc.tuple(name, value), { maxLength: 5 }),
    body: fc.option(value, { nil: undefined }),
    signsEncoded: fc.boolean(),
  });

  test('what the reference signs is accepted, and nothing else', () => {
    fc.assert(
      fc.property(parts, fc.nat(), ({ method, segments, query, body, signsEncoded }, at) => {
        const plain = ['', 'apps', '42', ...segments].join('/');
        const sentPath = ['', 'apps', '42', ...segments.map(encodeURIComponent)].join('/');
        const path = signsEncoded ? sentPath : plain;
        const target = signedTarget({ method, path, sentPath, query, ...(body && { body }), now: nowSeconds });
        const bytes = Buffer.from(body ?? '', 'utf8');
        const parameters = check({ method, target });
        expect(() => parameters.checkBody(bytes)).not.toThrow();
        for (const [each] of query) {
          const last = query.findLast(([other]) => other.toLowerCase() === each.toLowerCase());
          expect(parameters.get(each.toLowerCase())).toBe(last?.[1]);
        }
        const changed = changedAt(target, at);
        if (meaningOf(changed) !== meaningOf(target)) expect(() => check({ method, target: changed })).toThrow();
      }),
      { numRuns: 500 },
    );
  });

  /** One character replaced. */
  function changedAt(target: string, at: number): string {
    const index = at % target.length;
    const other = target[index] === 'x' ? 'y' : 'x';
    return target.slice(0, index) + other + target.slice(index + 1);
  }

  /** Equal for targets that say the same: the case of a key and of an escape's digits means nothing. */
  function meaningOf(target: string): string {
    const [path = '', query = ''] = target.split('?');
    const pairs = query.split('&').map(pair => {
      const [name = '', ...rest] = pair.split('=');
      return `${lenient(name).toLowerCase()}=${lenient(rest.join('='))}`;
    });
    return [lenient(path), ...pairs].join('\n');
  }

  function lenient(text: string): string {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  test("the server library's signed queries are accepted", () => {
    const pusher = new Pusher({ appId: '42', key: key.key, secret: String(key.secret), host: 'hub' });
    const params = fc.dictionary(
      fc.stringMatching(/^[a-z_]{1,8}$/).filter(each => !each.startsWith('auth_') && each !== 'body_md5'),
      fc.stringMatching(/^[A-Za-z0-9_\-=@,.; /:+]{0,12}$/),
      { noNullPrototype: true, maxKeys: 4 },
    );
    fc.assert(
      fc.property(
        params,
        fc.option(
          value.filter(text => text !== ''),
          { nil: undefined },
        ),
        (query, body) => {
          const path = '/apps/42/users/a b/terminate_connections';
          const signed = pusher.createSignedQueryString({ method: 'POST', path, params: query, body: body ?? '' });
          const { pathname, search } = new URL(`http://hub${path}?${signed}`); // as the library's `fetch` writes it
          const parameters = check(
            { method: 'POST', target: pathname + search },
            { now: Math.floor(Date.now() / 1_000) },
          );
          parameters.checkBody(Buffer.from(body ?? '', 'utf8'));
          for (const [name, text] of Object.entries(query)) expect(parameters.get(name)).toBe(text);
        },
      ),
    );
  });

  test('the digest of a body is the MD5 of its bytes', () => {
    const body = Buffer.from([0xff, 0x00, 0xc3]);
    const digest = createHash('md5').update(body).digest('hex');
    const parameters = checkParts({ method: 'POST', path: '/apps/42/events', auth: { body_md5: digest } });
    expect(() => parameters.checkBody(body)).not.toThrow();
  });
});
