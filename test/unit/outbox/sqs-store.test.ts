import { expect, onTestFinished, test } from 'vitest';
import { MemoryTables } from '../../../src/outbox/drivers/memory-tables.js';
import { RowStore } from '../../../src/outbox/drivers/row-store.js';
import type { Incoming, Outgoing, SqsQueue } from '../../../src/outbox/drivers/sqs-queue.js';
import { SqsStore } from '../../../src/outbox/drivers/sqs-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { envelopeFor, failureOf } from '../../support/outbox-contract.js';

/** A FIFO queue that gives all it has with each request, and shows what it was asked for. */
class QueueOfAll {
  readonly sent: Outgoing[] = [];
  readonly hidden: [receipt: string, seconds: number][] = [];

  async send(messages: readonly Outgoing[]): Promise<void> {
    this.sent.push(...messages);
  }

  async receive(): Promise<readonly Incoming[]> {
    return this.sent.map(({ body, deduplicationId }) => ({ body, receipt: deduplicationId, receiveCount: 1 }));
  }

  async hide(receipt: string, seconds: number): Promise<void> {
    this.hidden.push([receipt, seconds]);
  }

  close(): void {}
}

async function openFifo() {
  const [clock, queue] = [new ManualClock(), new QueueOfAll()];
  const side = await RowStore.open(new MemoryTables(Infinity), {});
  const store = new SqsStore({
    ...{ queue: queue as unknown as SqsQueue, side, clock },
    ...{ isFifo: true, maxMessages: 10, waitSeconds: 0, visibilitySeconds: 30, concurrency: undefined },
  });
  onTestFinished(() => store.close());
  const claim = async () => {
    const { claimed } = await store.claim(
      () => ({ total: 8, endpoints: [{ endpoint: 'a', count: 8, isOrdered: true }] }),
      () => clock.now(),
    );
    return claimed;
  };
  return { clock, queue, store, side, claim };
}

test('a message of a FIFO queue does not overtake an earlier one of its key that comes before it is due', async () => {
  const { clock, queue, store, claim } = await openFifo();
  const [first, second, other] = ['k', 'k', 'l'].map(key => envelopeFor('a', { key }));
  await store.add([first!], clock.now());
  const [claimed] = await claim();
  await store.retry(claimed!, clock.now() + 60_000, failureOf(claimed!));
  await store.add([second!, other!], clock.now());
  queue.hidden.length = 0;
  expect((await claim()).map(({ envelope }) => envelope.id)).toEqual([other!.id]);
  expect(queue.hidden.map(([, seconds]) => seconds)).toEqual([60, 0]);
});

test('what is accepted does not overtake what is on its way from the own store of the node', async () => {
  const { clock, queue, store, side, claim } = await openFifo();
  const waiting = Array.from({ length: 250 }, () => envelopeFor('a', { key: 'k' }));
  await side.add(waiting, clock.now());
  const [claimed, last] = [claim(), envelopeFor('a', { key: 'k' })];
  await store.add([last], clock.now());
  await claimed;
  const ids = queue.sent.map(({ body }) => (JSON.parse(body) as { id: string }).id);
  expect(ids).toEqual([...waiting, last].map(({ id }) => id));
});
