import { describe, expect, test } from 'vitest';
import { Endpoints } from '../../../src/auth/endpoints.js';
import { continuationTokens, origin, startRest, tokenFor } from './rest-harness.js';

const list = '/api/hubs/chat/groups/news/connections';

interface Page {
  readonly value: readonly { connectionId: string; userId: string | null }[];
  readonly nextLink?: string;
}

function members(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    connectionId: `c${String(index).padStart(4, '0')}`,
    userId: index % 2 === 0 ? `u${index}` : undefined,
  }));
}

function startList(count: number) {
  const rest = startRest();
  rest.hubs.members = members(count);
  const page = async (url: string): Promise<Page> => {
    const reply = await rest.ask('GET', url.replace(origin, ''));
    expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    return reply.json();
  };
  /** From this URL to the last page. */
  const pages = async (url: string): Promise<Page[]> => {
    const first = await page(url);
    return first.nextLink === undefined ? [first] : [first, ...(await pages(first.nextLink))];
  };
  return { ...rest, page, pages };
}

const sizes = (pages: readonly Page[]) => pages.map(({ value }) => value.length);
const ids = (pages: readonly Page[]) => pages.flatMap(({ value }) => value.map(({ connectionId }) => connectionId));

describe('pages', () => {
  test('[RA-063] nobody: an empty list without nextLink', async () => {
    const { ask } = startList(2);
    const reply = await ask('GET', '/api/hubs/chat/groups/none/connections');
    expect([reply.statusCode, reply.body]).toEqual([200, '{"value":[]}']);
  });

  test('[RA-064] an anonymous member has userId null', async () => {
    const { page } = startList(2);
    expect(await page(list)).toEqual({
      value: [
        { connectionId: 'c0000', userId: 'u0' },
        { connectionId: 'c0001', userId: null },
      ],
    });
  });

  test.each([
    ['?top=6', [6]],
    ['?top=3', [3]],
    ['?maxpagesize=2', [2, 2, 2]],
    ['?maxpagesize=4', [4, 2]],
    ['?top=5&maxpagesize=2', [2, 2, 1]],
    ['?top=4&maxpagesize=2', [2, 2]],
    ['?top=2147483647', [6]],
  ])('[RA-065] six members, %s: pages of %j', async (query, expected) => {
    const { pages } = startList(6);
    const all = await pages(list + query);
    expect(sizes(all)).toEqual(expected);
    expect(ids(all)).toEqual(
      members(6)
        .slice(0, all.flatMap(({ value }) => value).length)
        .map(({ connectionId }) => connectionId),
    );
  });

  test('[RA-065] top in the links is what is left of it', async () => {
    const { pages } = startList(6);
    const all = await pages(`${list}?top=5&maxpagesize=2`);
    const tops = all.map(({ nextLink }) => nextLink && new URL(nextLink).searchParams.get('top'));
    expect(tops).toEqual(['3', '1', undefined]);
  });

  test('[RA-066] nextLink is absolute, on the public endpoint, and complete', async () => {
    const { page } = startList(6);
    const { nextLink } = await page(`${list}?maxpagesize=2&api-version=2024-12-01`);
    const token = continuationTokens.issue('chat', 'news', 'c0001');
    expect(nextLink).toBe(`${origin}${list}?maxpagesize=2&continuationToken=${token}&api-version=2024-12-01`);
  });

  test('[RA-066] names in it are escaped', async () => {
    const { ask } = startList(2);
    const reply = await ask('GET', '/api/hubs/a%60b/groups/x%2Fy%20%3F%23/connections?maxpagesize=1');
    expect(new URL(reply.json().nextLink).pathname).toBe('/api/hubs/a%60b/groups/x%2Fy%20%3F%23/connections');
  });

  test('[RA-066] without a configured endpoint it leads the way the caller came', async () => {
    const { app, hubs } = startRest(undefined, { endpoints: new Endpoints([], () => 'http://localhost:1') });
    hubs.members = members(2);
    const headers = { authorization: `Bearer ${tokenFor(list)}`, host: 'hub.example.com' };
    const reply = await app.inject({ url: `${list}?maxpagesize=1`, headers });
    expect(reply.json().nextLink).toMatch(`http://hub.example.com${list}?`);
  });

  test('[RA-067] who leaves or comes between pages moves nobody else', async () => {
    const { page, hubs } = startList(6);
    const { nextLink } = await page(`${list}?maxpagesize=2`);
    const gone = hubs.members.filter(({ connectionId }) => connectionId !== 'c0001');
    hubs.members = [{ connectionId: 'c0000a', userId: undefined }, ...gone].sort((a, b) =>
      a.connectionId < b.connectionId ? -1 : 1,
    );
    expect(ids([await page(nextLink!)])).toEqual(['c0002', 'c0003']);
  });

  test('[RA-069] a whole nextLink serves as continuationToken', async () => {
    const { page } = startList(6);
    const { nextLink } = await page(`${list}?maxpagesize=4`);
    expect(ids([await page(`${list}?continuationToken=${encodeURIComponent(nextLink!)}`)])).toEqual(['c0004', 'c0005']);
  });

  test('[RA-067] a token goes on behind its connection, wherever that is by now', async () => {
    const { page } = startList(3);
    const listAfter = (id: string) => `${list}?continuationToken=${continuationTokens.issue('chat', 'news', id)}`;
    expect(ids([await page(listAfter('c0000zz'))])).toEqual(['c0001', 'c0002']);
    expect(await page(listAfter('zzz'))).toEqual({ value: [] });
  });

  test('a token serves in any letter case of the hub', async () => {
    const { page } = startList(3);
    const { nextLink } = await page(`${list}?maxpagesize=2`);
    expect(ids([await page(nextLink!.replace('/chat/', '/Chat/'))])).toEqual(['c0002']);
  });

  test('a token that was not given for this group of this hub is 400, never a list with members missing', async () => {
    const { ask, hubs } = startList(3);
    const good = continuationTokens.issue('chat', 'news', 'c0001');
    const others = [continuationTokens.issue('chat', 'g', 'c0001'), continuationTokens.issue('h', 'news', 'c0001')];
    for (const token of ['garbage', 'c0001', good.slice(1), `${good}x`, ...others]) {
      for (const given of [token, encodeURIComponent(`${origin}${list}?continuationToken=${token}`)]) {
        const reply = await ask('GET', `${list}?continuationToken=${given}`);
        expect([reply.statusCode, reply.json().target]).toEqual([400, 'continuationToken']);
        expect(reply.json().message).toContain('copy it unchanged from a nextLink');
      }
    }
    expect(hubs.calls).toEqual([]);
  });

  test('[RA-070] two hundred to a page by default', async () => {
    const { pages } = startList(201);
    expect(sizes(await pages(list))).toEqual([200, 1]);
  });
});

test.each([
  ...['0', '-1', '1.5', 'x', '', '201', '2&maxpagesize=2'].map(value => `maxpagesize=${value}`),
  ...['0', '-1', '1.5', 'x', '', '2147483648', '2&top=2'].map(value => `top=${value}`),
  ...['', 'a&continuationToken=a', 'http%3A%2F%2Fh%2Fx'].map(value => `continuationToken=${value}`),
])('[RA-068] %s is 400', async query => {
  const { ask, hubs } = startRest();
  const reply = await ask('GET', `${list}?${query}`);
  expect([reply.statusCode, reply.json().target, hubs.calls]).toEqual([400, query.split('=')[0], []]);
});
