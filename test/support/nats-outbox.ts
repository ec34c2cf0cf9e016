import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { NatsQueueOptions } from '../../src/outbox/drivers/open-nats-store.js';
import { openStore } from '../../src/outbox/open-store.js';
import { Outbox } from '../../src/outbox/outbox.js';
import type { DeliveryResult, EndpointOptions } from '../../src/outbox/ports.js';
import type { OutboxStore } from '../../src/outbox/store.js';
import { natsOptions, ToldEvents } from './nats-link.js';

export interface OutboxNodeOptions extends Partial<Omit<NatsQueueOptions, 'nats' | 'parts'>> {
  readonly urls: readonly string[];
  readonly clusterName?: string;
  /** Of its endpoint `a`; by default retries after 20 ms, three times. */
  readonly endpoint?: EndpointOptions;
  readonly answer: (id: string, attempt: number) => DeliveryResult | Promise<DeliveryResult>;
}

/** A node that delivers to the endpoint `a`, with its queue in NATS. */
export interface OutboxNode {
  readonly outbox: Outbox;
  readonly store: OutboxStore;
  readonly faults: unknown[];
  readonly told: ToldEvents;
}

export const failed: DeliveryResult = { outcome: 'failed', reason: 'HTTP 500' };
export const delivered: DeliveryResult = { outcome: 'delivered' };

/** Closed with the test. */
export async function startOutboxNode(options: OutboxNodeOptions): Promise<OutboxNode> {
  const { urls, clusterName = 'hw', endpoint, answer, ...rest } = options;
  const [faults, told] = [[] as unknown[], new ToldEvents()];
  const onFault = (error: unknown) => void faults.push(error);
  const place = { nats: natsOptions(urls, { clusterName }), parts: told.parts };
  const store = await openStore({ driver: 'nats', ...place, ...rest }, systemClock, { onFault });
  const outbox = new Outbox({
    store,
    clock: systemClock,
    deliverer: { deliver: async ({ id }, attempt) => answer(id, attempt) },
    endpoints: { ids: () => ['a'], options: () => endpoint ?? { profile: { delaysMs: [20, 20, 20] } } },
    observer: { storeFailed: onFault },
  });
  await outbox.start();
  onTestFinished(() => outbox.close(0));
  return { outbox, store, faults, told };
}
