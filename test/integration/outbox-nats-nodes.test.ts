import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openStore } from '../../src/outbox/open-store.js';
import { repository } from '../support/doc-pages.js';
import { eventually } from '../support/eventually.js';
import { Mailbox } from '../support/mailbox.js';
import { natsOptions, ToldEvents } from '../support/nats-link.js';
import { delivered, failed, type OutboxNode, startOutboxNode } from '../support/nats-outbox.js';
import { NatsServer, natsProgram, requireNats, startNats } from '../support/nats-server.js';
import { envelopeFor } from '../support/outbox-contract.js';
import { startProxy } from '../support/tcp-proxy.js';

let server: NatsServer;
let clusters = 0;

beforeAll(async () => {
  if (natsProgram !== undefined) server = await NatsServer.start();
});
afterAll(() => server?.stop());

function freshName(): string {
  clusters += 1;
  return `nodes${clusters}`;
}

describe('with the queue in NATS', () => {
  test('nodes share the work: each envelope is delivered once, by one of them, and what one node leaves lying by another', async context => {
    requireNats(context);
    const place = { urls: [server.url], clusterName: freshName() };
    const seen = new Map<string, string[]>();
    const done = new Mailbox<string>();
    const on = (node: string) => async (id: string) => {
      seen.set(id, [...(seen.get(id) ?? []), node]);
      done.put(id);
      await new Promise(resolve => setTimeout(resolve, 5));
      return delivered;
    };
    const one = await startOutboxNode({ ...place, answer: on('one') });
    await startOutboxNode({ ...place, answer: on('two') });
    const envelopes = Array.from({ length: 600 }, () => envelopeFor('a'));
    await one.outbox.accept(envelopes);
    for (const _ of envelopes) await done.take();
    expect([...seen.keys()].toSorted()).toEqual(envelopes.map(({ id }) => id).toSorted());
    expect([...seen.values()].every(nodes => nodes.length === 1)).toBe(true);
    expect(new Set([...seen.values()].flat())).toEqual(new Set(['one', 'two']));
  });

  test('envelopes of a key that several nodes accept are delivered in the order of acceptance, one at a time', async context => {
    requireNats(context);
    const place = {
      urls: [server.url],
      clusterName: freshName(),
      endpoint: { ordering: 'key', profile: { delaysMs: [5] } } as const,
    };
    const underWay = new Set<string>();
    const given: string[] = [];
    const answer = async (id: string, attempt: number) => {
      const [key = ''] = id.split(' ');
      expect(underWay.has(key)).toBe(false);
      underWay.add(key);
      await new Promise(resolve => setTimeout(resolve, 1));
      underWay.delete(key);
      if (attempt === 1 && id.endsWith('7')) return failed;
      given.push(id);
      return delivered;
    };
    const nodes = await Promise.all(['one', 'two', 'three'].map(() => startOutboxNode({ ...place, answer })));
    const accepted: string[] = [];
    for (let number = 0; number < 300; number += 1) {
      const node = nodes[number % nodes.length] as OutboxNode;
      const key = `k${number % 7}`;
      accepted.push(`${key} ${number}`);
      await node.outbox.accept([envelopeFor('a', { id: `${key} ${number}`, key })]);
    }
    await expect.poll(() => given.length, { timeout: 10_000 }).toBe(accepted.length);
    const ofKey = (ids: readonly string[], key: number) => ids.filter(id => id.startsWith(`k${key} `));
    for (let key = 0; key < 7; key += 1) expect(ofKey(given, key)).toEqual(ofKey(accepted, key));
  });

  test('what was kept on one node is a dead letter on the other, and is replayed there once', async context => {
    requireNats(context);
    const place = { urls: [server.url], clusterName: freshName() };
    let isUp = false;
    const got: string[] = [];
    const answer = (id: string) => {
      if (isUp) got.push(id);
      return isUp ? delivered : failed;
    };
    const [one, two] = [await startOutboxNode({ ...place, answer }), await startOutboxNode({ ...place, answer })];
    const [envelope, content] = [envelopeFor('a'), Buffer.from('{"time_ms":1}')];
    await one.outbox.accept([{ ...envelope, content }]);
    await expect.poll(async () => (await two.outbox.deadLetters()).length, { timeout: 5_000 }).toBe(1);
    expect((await two.outbox.deadLetters())[0]).toMatchObject({ id: envelope.id, content, attempts: 4 });
    isUp = true;
    const replayed = await Promise.all([one, two].map(({ outbox }) => outbox.replay({ ids: [envelope.id] })));
    expect(replayed.flat()).toEqual([envelope.id]);
    await expect.poll(() => got).toEqual([envelope.id]);
    await expect
      .poll(async () => (await one.outbox.status())[0]!.depth)
      .toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  });

  test('what several nodes accept and is to be kept once is delivered once, also by a node that comes later', async context => {
    requireNats(context);
    const place = { urls: [server.url], clusterName: freshName() };
    const got: string[] = [];
    const answer = (id: string) => {
      got.push(id);
      return got.length === 1 ? failed : delivered;
    };
    const nodes = [await startOutboxNode({ ...place, answer }), await startOutboxNode({ ...place, answer })];
    const accept = ({ outbox }: OutboxNode, id = 'disc:1') => outbox.accept([envelopeFor('a', { id, isOnce: true })]);
    await Promise.all(nodes.map(node => accept(node)));
    await expect.poll(() => got).toEqual(['disc:1', 'disc:1']); // the second attempt
    const late = await startOutboxNode({ ...place, answer });
    for (const node of [late, ...nodes]) await accept(node);
    await accept(late, 'disc:2');
    await expect.poll(() => got).toContain('disc:2');
    await expect.poll(async () => (await late.outbox.status())[0]!.depth).toMatchObject({ ready: 0, inFlight: 0 });
    expect(got).toEqual(['disc:1', 'disc:1', 'disc:2']);
  });

  test('two clusters on one NATS share nothing', async context => {
    requireNats(context);
    const got: string[] = [];
    const answer = (id: string) => {
      got.push(id);
      return delivered;
    };
    const [one, other] = [freshName(), freshName()];
    const node = await startOutboxNode({ urls: [server.url], clusterName: one, answer });
    await startOutboxNode({ urls: [server.url], clusterName: other, answer: () => failed });
    const envelopes = Array.from({ length: 20 }, () => envelopeFor('a'));
    await node.outbox.accept(envelopes);
    await expect.poll(() => got.length).toBe(envelopes.length);
  });

  test('foreign messages are passed over and told, and do not stop the queue', async context => {
    requireNats(context);
    const clusterName = freshName();
    const got = new Mailbox<string>();
    const node = await startOutboxNode({
      urls: [server.url],
      clusterName,
      answer: id => {
        got.put(id);
        return delivered;
      },
    });
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    const junk = [
      '',
      '{',
      '[]',
      'null',
      '\u0000\n',
      '{"v":1,"n":1}',
      '{"v":1,"n":1,"ops":[{"do":"add","content":9}]}\n',
    ];
    for (const text of junk) await jetstream(connection).publish(`${clusterName}.1.out.somebody`, text);
    const known = '{"v":1,"n":1,"ops":[{"do":"dance"},{"do":"claim","refs":[1]},{"do":"done","ref":4096}]}\n';
    await jetstream(connection).publish(`${clusterName}.1.out.else`, known);
    await node.outbox.accept([envelopeFor('a', { id: 'after junk' })]);
    expect(await got.take()).toBe('after junk');
    expect(node.faults.map(String)).toEqual(
      junk.map(() => expect.stringMatching(/^Error: message \d+ of the queue is passed over: /)),
    );
  });

  test('a node that does not know what a newer version writes delivers nothing, and says so', async context => {
    requireNats(context);
    const clusterName = freshName();
    const node = await startOutboxNode({ urls: [server.url], clusterName, answer: () => delivered });
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    await jetstream(connection).publish(`${clusterName}.1.out.newer`, '{"v":2,"n":1,"ops":[]}\n');
    await expect.poll(() => node.faults.map(String).join(' ')).toContain('a newer version of Hubwire uses the queue');
  });

  test('an envelope that no message of NATS can have is refused, and nothing else', async context => {
    const small = await startNats(context, { settings: 'max_payload: 64KB' });
    const got = new Mailbox<string>();
    const answer = (id: string) => {
      got.put(id);
      return delivered;
    };
    const { outbox } = await startOutboxNode({ urls: [small.url], answer });
    const large = envelopeFor('a', { content: Buffer.alloc(60_000) });
    await expect(outbox.accept([large])).rejects.toMatchObject({
      reason: 'failed',
      message: expect.stringMatching(
        /^an envelope of 60\d{3} bytes is larger than 49152: raise max_payload of nats-server$/,
      ),
    });
    const many = Array.from({ length: 40 }, () => envelopeFor('a', { content: Buffer.alloc(10_000, 'x') }));
    await outbox.accept(many); // as a whole, in several messages
    for (const _ of many) await got.take();
  });

  test('the stream does not grow: what is settled goes, and what is left is there for a node that comes later', async context => {
    requireNats(context);
    const clusterName = freshName();
    const answer = (id: string) => (id.startsWith('bad') ? failed : delivered);
    const endpoint = {
      profile: { delaysMs: [] },
      maxConcurrency: 64,
      circuitBreaker: false,
      disableAfterHours: Infinity,
    };
    const place = { urls: [server.url], clusterName, claimMs: 500, endpoint };
    const { outbox } = await startOutboxNode({ ...place, answer });
    const bad = Array.from({ length: 50 }, (_, index) => envelopeFor('a', { id: `bad ${index}` }));
    await outbox.accept(bad);
    for (let round = 0; round < 40; round += 1) {
      await outbox.accept(Array.from({ length: 100 }, () => envelopeFor('a', { content: Buffer.alloc(8_000, 'x') })));
    }
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    const bytes = async () => (await streams.info(`${clusterName}_outbox`)).state.bytes;
    await expect.poll(async () => (await outbox.status())[0]!.depth.ready, { timeout: 15_000 }).toBe(0);
    await expect.poll(bytes, { timeout: 10_000 }).toBeLessThan(10 * 1024 * 1024);
    const { state } = await streams.info(`${clusterName}_outbox`);
    expect(state.first_seq).toBeGreaterThan(100);
    const late = await startOutboxNode({ ...place, answer });
    const letters = await late.outbox.deadLetters();
    expect(letters.map(({ id }) => id).toSorted()).toEqual(bad.map(({ id }) => id).toSorted());
  });

  test('[CL-122] the permissions of deploy/nats/permissions.conf suffice', async context => {
    const file = readFileSync(join(repository, 'deploy/nats/permissions.conf'), 'utf8');
    const settings = `${file}\nauthorization { users: [ { user: hw, password: a, permissions: $HUBWIRE } ] }`;
    const { url } = await startNats(context, { settings });
    const got = new Mailbox<string>();
    const node = await startOutboxNode({
      urls: [url.replace('//', '//hw:a@')],
      answer: id => {
        got.put(id);
        return delivered;
      },
    });
    await node.outbox.accept([envelopeFor('a', { id: 'one' })]);
    expect(await got.take()).toBe('one');
    expect(await node.outbox.deadLetters()).toEqual([]);
    expect(node.faults).toEqual([]);
  });
});

describe('when NATS is away', () => {
  test('nothing is told as kept; a server that is killed under load and started again has all that was, and deliveries go on', async context => {
    const own = await startNats(context);
    const got = new Set<string>();
    const answer = (id: string) => {
      got.add(id);
      return delivered;
    };
    const node = await startOutboxNode({ urls: [own.url], limitMs: 1_000, answer });
    const accepted: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        const envelopes = Array.from({ length: 20 }, () => envelopeFor('a', { content: Buffer.alloc(300, 'x') }));
        await node.outbox.accept(envelopes).then(
          () => void accepted.push(...envelopes.map(({ id }) => id)),
          error => expect(error).toMatchObject({ reason: 'unreachable' }),
        );
      }
    })();
    for (let kills = 0; kills < 3; kills += 1) {
      const before = accepted.length;
      await expect.poll(() => accepted.length, { timeout: 10_000 }).toBeGreaterThan(before + 100);
      await own.kill();
      const late = envelopeFor('a');
      await expect(node.outbox.accept([late])).rejects.toMatchObject({ reason: 'unreachable' });
      await own.start();
    }
    await eventually(() => node.outbox.accept([envelopeFor('a', { id: 'last' })]));
    isOver = true;
    await load;
    await expect.poll(() => accepted.filter(id => !got.has(id)), { timeout: 15_000 }).toEqual([]);
    expect(accepted.length).toBeGreaterThan(300);
    await expect.poll(() => got.has('last')).toBe(true);
  });

  test('what a node had that is cut off is delivered by another, and the node goes on when it is back', async context => {
    requireNats(context);
    const proxy = await startProxy(server.port);
    const place = { clusterName: freshName(), claimMs: 1_000, endpoint: { ordering: 'key' } as const };
    const begun = new Mailbox<string>();
    const end = new Mailbox<void>();
    const [atCutOff, atOther]: [string[], string[]] = [[], []];
    const cutOff = await startOutboxNode({
      ...place,
      urls: [`nats://127.0.0.1:${proxy.port}`],
      answer: async id => {
        atCutOff.push(id);
        begun.put(id);
        if (id === 'first') await end.take();
        return delivered;
      },
    });
    const answer = (id: string) => {
      atOther.push(id);
      return delivered;
    };
    await cutOff.outbox.accept(['first', 'second'].map(id => envelopeFor('a', { id, key: 'k' })));
    await begun.take();
    const other = await startOutboxNode({ ...place, urls: [server.url], answer });
    proxy.stopReading();
    proxy.cut();
    await expect.poll(() => atOther, { timeout: 10_000 }).toEqual(['first', 'second']);
    proxy.resume();
    proxy.cut();
    end.put(); // of the attempt that is not its own any more
    await eventually(() => cutOff.outbox.accept([envelopeFor('a', { id: 'third', key: 'k' })]));
    await expect.poll(() => [...atCutOff, ...atOther].filter(id => id === 'third')).toEqual(['third']);
    await expect.poll(async () => (await other.outbox.status())[0]!.depth).toMatchObject({ ready: 0, inFlight: 0 });
    expect(atCutOff.filter(id => id !== 'third')).toEqual(['first']);
  });

  test('a deadline turns into drafts that the node knows, however late it hears of it', async context => {
    requireNats(context);
    const proxy = await startProxy(server.port);
    const place = { urls: [`nats://127.0.0.1:${proxy.port}`], clusterName: freshName(), limitMs: 200 };
    const { store } = await startOutboxNode({ ...place, answer: () => delivered });
    const nowMs = systemClock.now();
    const deadline = { key: 'k', dueAtMs: nowMs + 1_000_000, content: Buffer.from('x') };
    await store.schedule(deadline);
    await store.dueDeadlines(nowMs, 1); // the node has read it
    const [draft, whole] = [envelopeFor('x'), envelopeFor('x')];
    proxy.stopReading('fromService'); // what is written arrives
    const completed = store.complete(deadline, { envelopes: [], drafts: [draft], untilMs: nowMs }, nowMs);
    await new Promise(resolve => setTimeout(resolve, 2 * place.limitMs));
    proxy.resume();
    expect(await completed).toBe(true);
    await store.replaceDrafts([draft.id], whole, nowMs);
    expect((await store.depths()).get('x')).toMatchObject({ ready: 1 });
  });

  test('drafts of a node that counts as gone are delivered as they are, and the node is told so', async context => {
    requireNats(context);
    const proxy = await startProxy(server.port);
    const place = { clusterName: freshName(), claimMs: 1_000, answer: () => delivered };
    const { store } = await startOutboxNode({ ...place, urls: [`nats://127.0.0.1:${proxy.port}`] });
    const other = await startOutboxNode({ ...place, urls: [server.url] });
    const nowMs = systemClock.now();
    const deadline = { key: 'k', dueAtMs: nowMs + 1_000_000, content: Buffer.from('x') };
    await store.schedule(deadline);
    await store.addDrafts([envelopeFor('of it')], nowMs, nowMs);
    await store.dueDeadlines(nowMs, 1); // the node has read it
    proxy.stopReading();
    const completed = store.complete(deadline, { envelopes: [], drafts: [envelopeFor('x')], untilMs: nowMs }, nowMs);
    const claimable = async (endpoint: string) => {
      const room = { total: 1, endpoints: [{ endpoint, count: 1, isOrdered: false }] };
      return (await other.store.claim(() => room, systemClock.now)).claimed.length;
    };
    await expect.poll(() => claimable('of it'), { timeout: 10_000 }).toBe(1);
    proxy.resume();
    expect(await completed).toBe(false);
    await expect.poll(() => claimable('x'), { timeout: 10_000 }).toBe(1);
  });

  test('a node that was away while the beginning of the queue went reads what is there now', async context => {
    requireNats(context);
    const proxy = await startProxy(server.port);
    const clusterName = freshName();
    const place = { clusterName, claimMs: 500, endpoint: { maxConcurrency: 64 } };
    const got: string[] = [];
    const answer = (id: string) => {
      got.push(id);
      return delivered;
    };
    const away = await startOutboxNode({ ...place, urls: [`nats://127.0.0.1:${proxy.port}`], answer });
    const other = await startOutboxNode({ ...place, urls: [server.url], answer });
    await away.outbox.accept([envelopeFor('a', { id: 'before' })]);
    proxy.stopReading();
    proxy.cut();
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await eventually(async () => {
      const large = Array.from({ length: 50 }, () => envelopeFor('a', { content: Buffer.alloc(10_000, 'x') }));
      await other.outbox.accept(large);
      expect((await streams.info(`${clusterName}_outbox`)).state.first_seq).toBeGreaterThan(20);
    });
    proxy.resume();
    proxy.cut();
    await expect
      .poll(() => away.faults.map(String).join(), { timeout: 15_000 })
      .toContain('the queue is read from its beginning again: others were much faster');
    await eventually(() => away.outbox.accept([envelopeFor('a', { id: 'after' })]));
    await expect.poll(() => got.filter(id => id === 'after')).toEqual(['after']);
    await expect
      .poll(async () => (await away.outbox.status())[0]!.depth, { timeout: 10_000 })
      .toMatchObject({
        ready: 0,
        inFlight: 0,
      });
    expect(new Set(got).size).toBe(got.length);
  });

  test('a server that cannot be reached stops the start with a sentence, without the password', async () => {
    const nats = natsOptions(['nats://u:secret@127.0.0.1:1']);
    const { parts } = new ToldEvents();
    const opened = openStore({ driver: 'nats', nats, parts, connectMs: 300 }, systemClock);
    await expect(opened).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'unreachable' });
    await expect(opened).rejects.toThrow(
      'NATS cannot be reached at 127.0.0.1:1, where the queue of the outbox is. Start it, or correct --nats.',
    );
  });

  test('[CL-005] a server without JetStream stops the start with what to do', async context => {
    const plain = await startNats(context, { jetStream: false });
    const opened = openStore(
      { driver: 'nats', nats: natsOptions([plain.url]), parts: new ToldEvents().parts },
      systemClock,
    );
    await expect(opened).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'unusable' });
    await expect(opened).rejects.toThrow(/runs without JetStream: start nats-server with --jetstream/);
  });
});
