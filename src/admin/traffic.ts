import { Counter, type Registry } from 'prom-client';
import type { HubLabels } from './hub-labels.js';
import { PerProtocol } from './per-protocol.js';

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

/**
 * Messages and bytes by hub and protocol. Called for each message, so it only adds numbers; prom-client, which builds a
 * key of the labels at each `inc`, hears the sums when metrics are read.
 */
export class Traffic {
  readonly #hubs: HubLabels;
  readonly #flows = new PerProtocol((hub, protocol) => new Flow(hub, protocol));

  constructor(registry: Registry, prefix: string, hubs: HubLabels) {
    this.#hubs = hubs;
    this.#sum(registry, `${prefix}messages_received_total`, 'Messages from clients', flow => flow.messagesIn);
    this.#sum(registry, `${prefix}received_bytes_total`, 'Bytes of messages from clients', flow => flow.bytesIn);
    this.#sum(
      registry,
      `${prefix}messages_sent_total`,
      'Messages to clients, one per receiver',
      flow => flow.messagesOut,
    );
    this.#sum(registry, `${prefix}sent_bytes_total`, 'Bytes of messages to clients', flow => flow.bytesOut);
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

  #flow(hub: string, protocol: string): Flow {
    return this.#flows.of(this.#hubs.of(hub), protocol);
  }

  #sum(registry: Registry, name: string, help: string, read: (flow: Flow) => number): void {
    const flows = this.#flows;
    new Counter({
      name,
      help,
      labelNames: ['hub', 'protocol'],
      registers: [registry],
      collect() {
        this.reset();
        for (const flow of flows) this.inc({ hub: flow.hub, protocol: flow.protocol }, read(flow));
      },
    });
  }
}
