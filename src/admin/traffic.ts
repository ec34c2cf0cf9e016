import type { Registry } from 'prom-client';
import type { NameOf } from './catalog.js';
import { Distribution } from './distribution.js';
import type { HubLabels } from './hub-labels.js';
import { PerProtocol } from './per-protocol.js';
import { counter, histogram } from './registered.js';

/** What one hub's clients of one protocol sent and were sent. */
class Flow {
  messagesIn = 0;
  bytesIn = 0;
  messagesOut = 0;
  bytesOut = 0;

  constructor(
    readonly hub: string,
    readonly protocol: string,
  ) {}
}

type FlowMetric = Extract<
  NameOf<'counter'>,
  `hubwire_messages_${'received' | 'sent'}_total` | `hubwire_${'received' | 'sent'}_bytes_total`
>;

/** Upper bounds, in connections. */
const receiverEnds = [0, 1, 2, 5, 10, 100, 1_000, 10_000, 100_000];

/**
 * Messages and bytes by hub and protocol. Hot path: each message only adds to numbers; prom-client, which builds a
 * key of the labels at each `inc`, gets the sums when metrics are read.
 */
export class Traffic {
  readonly #hubs: HubLabels;
  readonly #flows = new PerProtocol((hub, protocol) => new Flow(hub, protocol));
  readonly #receivers = new Distribution(receiverEnds);

  constructor(registry: Registry, hubs: HubLabels) {
    this.#hubs = hubs;
    this.#sum(registry, 'hubwire_messages_received_total', flow => flow.messagesIn);
    this.#sum(registry, 'hubwire_received_bytes_total', flow => flow.bytesIn);
    this.#sum(registry, 'hubwire_messages_sent_total', flow => flow.messagesOut);
    this.#sum(registry, 'hubwire_sent_bytes_total', flow => flow.bytesOut);
    histogram(registry, 'hubwire_send_receivers', () => [[{}, this.#receivers]]);
  }

  received(hub: string, protocol: string, bytes: number): void {
    const flow = this.#flow(hub, protocol);
    flow.messagesIn += 1;
    flow.bytesIn += bytes;
  }

  sent(hub: string, protocol: string, receivers: number, bytes: number): void {
    const flow = this.#flow(hub, protocol);
    flow.messagesOut += receivers;
    flow.bytesOut += receivers * bytes;
  }

  /** So many messages, each written to so many connections. */
  delivered(sends: number, receivers: number): void {
    this.#receivers.add(receivers, sends);
  }

  #flow(hub: string, protocol: string): Flow {
    return this.#flows.of(this.#hubs.of(hub), protocol);
  }

  #sum(registry: Registry, name: FlowMetric, read: (flow: Flow) => number): void {
    counter(registry, name, total => {
      for (const flow of this.#flows) total.inc({ hub: flow.hub, protocol: flow.protocol }, read(flow));
    });
  }
}
