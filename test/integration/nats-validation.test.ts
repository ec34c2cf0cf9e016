import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { clusterOn } from '../../src/clustering.js';
import type { Link } from '../../src/nats/link.js';
import { SharedBucket } from '../../src/nats/shared-bucket.js';
import { SharedResults } from '../../src/nats/shared-results.js';
import { eventually } from '../support/eventually.js';
import { natsOptions, newLink, ToldEvents } from '../support/nats-link.js';
import { NatsServer, natsProgram, requireNats, startNats } from '../support/nats-server.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { type RecordedUpstream, startUpstream } from '../support/upstream.js';

let server: NatsServer;
beforeAll(async () => {
  if (natsProgram !== undefined) server = await NatsServer.start();
});
afterAll(() => server?.stop());
beforeEach(requireNats);

let subjects = 0;
/** One that no other test has used. */
function freshSubject(): string {
  subjects += 1;
  return `subject ${subjects}`;
}

interface Node {
  readonly link: Link;
  readonly results: SharedResults;
}

let nodes = 0;
async function newNode(url = server.url): Promise<Node> {
  nodes += 1;
  const { link } = newLink([url], { purpose: 'store' });
  await link.start();
  const bucket = new SharedBucket(link, 'hw_checks', { replicas: 1, parts: new ToldEvents().parts });
  await bucket.open();
  const tag = `node${nodes}`;
  const results = new SharedResults({ clock: systemClock, values: () => bucket.values(), tag: () => tag });
  return { link, results };
}

/** Its result says how often it was done. */
function counted(): () => Promise<string> {
  let works = 0;
  return async () => {
    works += 1;
    return `result ${works}`;
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isRecent = (value: unknown, ageMs: number): value is string => isText(value) && ageMs < 300;

describe('work whose result all nodes take', () => {
  test('is done by one of many nodes that begin at the same moment, and by none that begins later', async () => {
    const five = await Promise.all([1, 2, 3, 4, 5].map(() => newNode()));
    const subject = freshSubject();
    let works = 0;
    const work = async () => {
      works += 1;
      await setTimeout(300);
      return `result ${works}`;
    };
    const results = await Promise.all(five.map(({ results: shared }) => shared.get(subject, work, isText)));
    expect(results.map(({ value }) => value)).toEqual(Array(5).fill('result 1'));
    const late = await (await newNode()).results.get(subject, work, isText);
    expect(late.value).toBe('result 1');
    expect(late.ageMs).toBeGreaterThanOrEqual(0);
    expect(works).toBe(1);
  });

  test('is done again once the result is no longer usable, by one', async () => {
    const two = await Promise.all([newNode(), newNode()]);
    const subject = freshSubject();
    const work = counted();
    const get = () => Promise.all(two.map(({ results }) => results.get(subject, work, isRecent)));
    await get();
    await setTimeout(350); // the age that the test itself sets
    const again = await get();
    expect(again.map(({ value }) => value)).toEqual(['result 2', 'result 2']);
  });

  test('may take longer than a worker that says nothing is waited for', { timeout: 30_000 }, async () => {
    const two = await Promise.all([newNode(), newNode()]);
    const subject = freshSubject();
    let works = 0;
    const work = async () => {
      works += 1;
      await setTimeout(4_000);
      return 'slow';
    };
    const results = await Promise.all(two.map(({ results: shared }) => shared.get(subject, work, isText)));
    expect(results.map(({ value }) => value)).toEqual(['slow', 'slow']);
    expect(works).toBe(1);
  });

  test('is taken over by one other when the worker is gone', { timeout: 30_000 }, async () => {
    const [first, ...others] = await Promise.all([newNode(), newNode(), newNode()]);
    const subject = freshSubject();
    const begun = new Promise<void>(resolve => {
      void first!.results.get(
        subject,
        () => {
          resolve();
          return new Promise<string>(() => {});
        },
        isText,
      );
    });
    await begun;
    await first!.link.close();
    const work = counted();
    const results = await Promise.all(others.map(({ results: shared }) => shared.get(subject, work, isText)));
    expect(results.map(({ value }) => value)).toEqual(['result 1', 'result 1']);
  });

  test('that fails is not done again by the same node, and its failure is not taken for that of NATS', async () => {
    const { results } = await newNode();
    let works = 0;
    const work = async (): Promise<string> => {
      works += 1;
      throw new Error('broken');
    };
    await expect(results.get(freshSubject(), work, isText)).rejects.toThrow('broken');
    expect(works).toBe(1);
  });

  test('is done by each node while NATS is away', async context => {
    const own = await startNats(context);
    const { link, results } = await newNode(own.url);
    await own.kill();
    await eventually(() => expect(link.connection).toBeUndefined());
    expect(await results.get(freshSubject(), async () => 'mine', isText)).toEqual({ value: 'mine', ageMs: 0 });
  });

  test.each(['', 'null', '{"state":"done"}', '{"state":"done","atMs":0,"value":"old"}', '\u0000'])(
    'replaces what is not a result: %j',
    async stored => {
      const node = await newNode();
      const subject = freshSubject();
      await node.results.get(subject, async () => 'first', isText);
      const bucket = new SharedBucket(node.link, 'hw_checks', { replicas: 1, parts: new ToldEvents().parts });
      await bucket.open();
      const values = (await bucket.values())!;
      for await (const key of await values.keys()) await values.put(key, stored);
      expect((await node.results.get(subject, async () => 'second', isRecent)).value).toBe('second');
    },
  );
});

describe('[CL-112] nodes that start at once', () => {
  const endpoints = ['http://hubs.example'];

  async function startNodes(count: number, upstream: RecordedUpstream): Promise<readonly StartedHub[]> {
    const clusterName = freshSubject().replace(' ', '-');
    const yaml = `hubs: { chat: { eventHandlers: [{ urlTemplate: "${upstream.origin}/{event}", systemEvents: [connect] }] } }\n`;
    const start = () => startHub({ yaml, endpoints, cluster: clusterOn(natsOptions([server.url], { clusterName })) });
    return Promise.all(Array.from({ length: count }, start));
  }

  const validations = (upstream: RecordedUpstream) => upstream.requests.filter(({ method }) => method === 'OPTIONS');

  test('send one validation', async () => {
    const upstream = await startUpstream();
    const started = await startNodes(4, upstream);
    expect(validations(upstream)).toHaveLength(1);
    for (const { service } of started) expect(service.handlers).toMatchObject([{ state: 'active' }]);
    await upstream.stop();
  });

  test('and one at a time for as long as it fails; each lets nobody in before', { timeout: 30_000 }, async () => {
    const upstream = await startUpstream();
    let underWay = 0;
    let most = 0;
    upstream.onValidate(async (_request, response) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await setTimeout(100);
      underWay -= 1;
      response.writeHead(500).end();
    });
    const started = await startNodes(3, upstream);
    for (const { service } of started) expect(service.handlers).toMatchObject([{ state: 'failed' }]);
    await eventually(() => expect(validations(upstream).length).toBeGreaterThanOrEqual(3));
    expect(most).toBe(1);
    upstream.onValidate((_request, response) => void response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end());
    for (const { service } of started) {
      await eventually(() => expect(service.handlers).toMatchObject([{ state: 'active' }]));
    }
    await upstream.stop();
  });
});
