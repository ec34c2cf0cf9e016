import { expect, onTestFinished, test } from 'vitest';
import { MemoryTables } from '../../../src/outbox/drivers/memory-tables.js';
import { RowStore } from '../../../src/outbox/drivers/row-store.js';
import type { Incoming, Outgoing, SqsQueue } from '../../../src/outbox/drivers/sqs-queue.js';
import { SqsStore } from '../../../src/outbox/drivers/sqs-store.js';
import { settled } from '../../support/fake-ports.js';
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

/** A standard queue, whose deletions and hidings fail, or wait, as a test says. */
class StandardQueue {
  messages: { body: string; receipt: string }[] = [];
  delete_: (receipt: string) => Promise<void> = async receipt => this.remove(receipt);
  refusedReceipt: string | undefined;
  #count = 0;

  async send(messages: readonly Outgoing[]): Promise<void> {
    for (const { body } of messages) this.messages.push({ body, receipt: `r${++this.#count}` });
  }

  async receive(): Promise<readonly Incoming[]> {
    return this.messages.map(each => ({ ...each, receiveCount: 1 }));
  }

  async hide(receipt: string): Promise<void> {
    if (receipt === this.refusedReceipt) throw new Error('ThrottlingException');
  }

  delete(receipt: string): Promise<void> {
    return this.delete_(receipt);
  }

  remove(receipt: string): void {
    this.messages = this.messages.filter(each => each.receipt !== receipt);
  }

  close(): void {}
}

async function openStandard() {
  const [clock, queue, faults] = [new ManualClock(), new StandardQueue(), [] as unknown[]];
  const side = await RowStore.open(new MemoryTables(Infinity), {});
  const store = new SqsStore({
    ...{ queue: queue as unknown as SqsQueue, side, clock, onFault: error => void faults.push(error) },
    ...{ isFifo: false, maxMessages: 10, waitSeconds: 0, visibilitySeconds: 30, concurrency: undefined },
  });
  onTestFinished(() => store.close());
  const claim = async (endpoint = 'a') => {
    const room = () => ({ total: 8, endpoints: [{ endpoint, count: 8, isOrdered: false }] });
    return (await store.claim(room, () => clock.now())).claimed;
  };
  return { clock, queue, store, claim, faults };
}

test('while a deletion fails and is tried again, its copy or its dead letter is written once', async () => {
  const { clock, queue, store, claim } = await openStandard();
  await store.add([envelopeFor('a')], clock.now());
  const [claimed] = await claim();
  queue.delete_ = async () => {
    throw new Error('AccessDenied');
  };
  for (let tries = 0; tries < 3; tries += 1) {
    await expect(store.retry(claimed!, clock.now(), failureOf(claimed!))).rejects.toThrow('AccessDenied');
  }
  expect(queue.messages).toHaveLength(2);
  const [, copy] = await claim();
  for (let tries = 0; tries < 3; tries += 1) {
    await expect(store.bury(copy!, 'gone', 1)).rejects.toThrow('AccessDenied');
  }
  expect(await store.deadLetters({})).toHaveLength(1);
});

test('a copy that is claimed before its original is deleted is retried for itself', async () => {
  const { clock, queue, store, claim } = await openStandard();
  await store.add([envelopeFor('a')], clock.now());
  const [original] = await claim();
  let deleted = () => {};
  queue.delete_ = receipt =>
    new Promise(resolve => {
      deleted = () => {
        queue.remove(receipt);
        resolve();
      };
    });
  const retried = store.retry(original!, clock.now(), failureOf(original!));
  await settled();
  const copy = (await claim()).find(({ attempts }) => attempts === 1);
  queue.delete_ = async receipt => queue.remove(receipt);
  await store.retry(copy!, clock.now(), failureOf(copy!));
  deleted();
  await retried;
  expect((await claim()).map(({ attempts }) => attempts)).toEqual([2]);
});

test('a message that cannot be looked at holds back no other', async () => {
  const { clock, queue, store, claim, faults } = await openStandard();
  await store.add([envelopeFor('a'), envelopeFor('without room'), envelopeFor('a')], clock.now());
  queue.refusedReceipt = 'r2';
  expect((await claim()).map(({ envelope }) => envelope.endpoint)).toEqual(['a', 'a']);
  expect(faults).toHaveLength(1);
});
