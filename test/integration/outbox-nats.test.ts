import { afterAll, beforeAll } from 'vitest';
import { openStore } from '../../src/outbox/open-store.js';
import type { OutboxStore } from '../../src/outbox/store.js';
import { ManualClock } from '../support/manual-clock.js';
import { natsOptions, ToldEvents } from '../support/nats-link.js';
import { NatsServer, natsProgram, requireNats } from '../support/nats-server.js';
import { describeOutboxStore } from '../support/outbox-contract.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

let server: NatsServer;
let clusters = 0;

beforeAll(async () => {
  if (natsProgram !== undefined) server = await NatsServer.start();
});
afterAll(() => server?.stop());

function freshName(): string {
  clusters += 1;
  return `test${clusters}`;
}

const promises = { isDurable: true, keepsKeyOrder: true, keepsOrder: true, keepsEnds: false, delayMs: 1_000 };

const claimMs = 30_000;

describeOutboxStore('nats', promises, async context => {
  requireNats(context);
  const clock = new ManualClock();
  const clusterName = freshName();
  const proxies = new Map<OutboxStore, TcpProxy>();
  let hasCrashed = false;
  return {
    async open() {
      const proxy = await startProxy(server.port);
      const nats = natsOptions([`nats://127.0.0.1:${proxy.port}`], { clusterName });
      const store = await openStore({ driver: 'nats', nats, parts: new ToldEvents().parts, claimMs }, clock);
      proxies.set(store, proxy);
      if (hasCrashed) clock.advance(2 * claimMs); // the one that is gone is silent for so long
      return store;
    },
    /** It cannot say anything any more, and does not know that. */
    async crash(store) {
      proxies.get(store)?.close();
      hasCrashed = true;
    },
    nowMs: () => clock.now(),
    pass: async ms => clock.advance(ms),
  };
});
