import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { delivered, failed, type OutboxNode, startOutboxNode } from '../support/nats-outbox.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { envelopeFor } from '../support/outbox-contract.js';
import { startProxy } from '../support/tcp-proxy.js';

beforeEach(requireNats);

/** Longer than a node needs to notice, by itself, that nothing comes. */
const timeout = 20_000;

const lost = (waited: number) =>
  `Error: the queue is read from its beginning again: the stream is another one; what it does not have is lost (${waited} waited)`;

/** Answers of an endpoint, and what it has got. */
function endpoint() {
  const got: string[] = [];
  const answer = (id: string) => {
    if (id.startsWith('bad')) return failed;
    got.push(id);
    return delivered;
  };
  return { got, answer, endpoint: { profile: { delaysMs: [600_000] } } as const };
}

const envelopes = (count: number, id = 'good') =>
  Array.from({ length: count }, (_, index) => envelopeFor('a', { id: `${id} ${index}` }));

describe('[CL-006] when NATS has lost what it stored', () => {
  test('the queue goes on: what comes then is delivered, and what waited is told as lost', {
    timeout,
  }, async context => {
    const server = await startNats(context);
    const { got, ...rest } = endpoint();
    const node = await startOutboxNode({ urls: [server.url], ...rest });
    for (const envelope of [...envelopes(20), ...envelopes(2, 'bad')]) await node.outbox.accept([envelope]);
    const depth = async () => (await node.outbox.status())[0]!.depth;
    await expect.poll(depth).toMatchObject({ ready: 0, delayed: 2, inFlight: 0 });
    await server.kill();
    await server.forget();
    await server.start();
    await eventually(() => node.outbox.accept([envelopeFor('a', { id: 'after' })]));
    await expect.poll(() => got, { timeout: 10_000 }).toContain('after');
    expect(node.faults.map(String)).toContain(lost(2));
    await expect.poll(depth).toMatchObject({ ready: 0, delayed: 0, inFlight: 0 });
  });

  test('a node that comes back late, when the new stream is longer than the one before, does not take it for that', {
    timeout,
  }, async context => {
    const server = await startNats(context);
    const proxy = await startProxy(server.port);
    const { got, ...rest } = endpoint();
    const other = await startOutboxNode({ urls: [server.url], ...rest });
    const late = await startOutboxNode({ urls: [`nats://127.0.0.1:${proxy.port}`], ...rest });
    await late.outbox.accept(envelopes(3));
    const depthOf = async ({ outbox }: OutboxNode) => (await outbox.status())[0]!.depth;
    await expect.poll(() => depthOf(late)).toMatchObject({ ready: 0, inFlight: 0 });
    expect(got).toHaveLength(3);
    proxy.stopReading();
    proxy.cut();
    await server.kill();
    await server.forget();
    await server.start();
    await eventually(() => other.outbox.accept([envelopeFor('a', { id: 'after' })]));
    for (const envelope of [...envelopes(30), ...envelopes(2, 'bad')]) await other.outbox.accept([envelope]);
    await expect.poll(() => got, { timeout: 10_000 }).toContain('good 29');
    proxy.resume();
    proxy.cut();
    await eventually(() => late.outbox.accept([envelopeFor('a', { id: 'at last' })]));
    await expect.poll(() => got, { timeout: 10_000 }).toContain('at last');
    const depths = () => Promise.all([late, other].map(depthOf));
    const depth = { ready: 0, delayed: 2, inFlight: 0 };
    await expect.poll(depths).toMatchObject([depth, depth]);
    expect(late.faults.map(String)).toContain(lost(0));
  });

  test('a stream that is deleted while nodes use it is created again, and both go on', { timeout }, async context => {
    const { url } = await startNats(context);
    const { got, ...rest } = endpoint();
    const nodes = [await startOutboxNode({ urls: [url], ...rest }), await startOutboxNode({ urls: [url], ...rest })];
    await nodes[0]!.outbox.accept([...envelopes(10), ...envelopes(2, 'bad')]);
    for (const { outbox } of nodes) {
      await expect
        .poll(async () => (await outbox.status())[0]!.depth)
        .toMatchObject({ ready: 0, delayed: 2, inFlight: 0 });
    }
    const connection = await connect({ servers: url });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await streams.delete('hw_outbox');
    for (const [index, { outbox }] of nodes.entries()) await outbox.accept(envelopes(1, `after ${index}`));
    await expect.poll(() => got, { timeout: 10_000 }).toEqual(expect.arrayContaining(['after 0 0', 'after 1 0']));
    for (const { faults } of nodes) expect(faults.map(String)).toContain(lost(2));
    expect((await streams.info('hw_outbox')).config.discard).toBe('new');
  });
});
