import { onTestFinished } from 'vitest';
import type { FactConnection, PlainFact } from '../../src/hub/facts.js';
import { openStore, type QueueOptions } from '../../src/outbox/open-store.js';
import { Outbox } from '../../src/outbox/outbox.js';
import type { OutboxObserver } from '../../src/outbox/ports.js';
import type { MembershipTag } from '../../src/protocols/acts.js';
import type { WebhookEntry } from '../../src/webhooks/options.js';
import type { AppKey } from '../../src/webhooks/signatures.js';
import type { WebhookSettings } from '../../src/webhooks/sources.js';
import { Webhooks } from '../../src/webhooks/webhooks.js';
import type { Received } from './app-server.js';
import { ManualClock } from './manual-clock.js';

export const appKeys: readonly AppKey[] = [{ key: 'hubkey01', secret: 'hubsecret01' }];

/** Settings of the one app `42`. */
export function appSettings(
  webhooks: readonly WebhookEntry[],
  more: Partial<WebhookSettings['apps'][number]> & { readonly general?: WebhookSettings['general'] } = {},
): WebhookSettings {
  const { general = {}, ...app } = more;
  return { general, apps: [{ id: '42', keys: appKeys, webhooks, ...app }], hubs: [] };
}

export interface WebhookHarnessOptions {
  readonly clock?: ManualClock;
  readonly queue?: QueueOptions;
  readonly allowsLoopback?: boolean;
  readonly observer?: OutboxObserver;
  /** By default the test's end stops it. */
  readonly stopsItself?: boolean;
}

/** Webhooks with an outbox, without a service: facts are told by hand. Requests to loopback are allowed. */
export async function startWebhooks(settings: WebhookSettings, options: WebhookHarnessOptions = {}) {
  const { clock = new ManualClock(), queue = { driver: 'memory' }, allowsLoopback = true } = options;
  const notKept: string[] = [];
  const warnings: string[] = [];
  const raised: string[] = [];
  const webhooks = new Webhooks({
    clock,
    userAgent: 'Hubwire-webhooks/test',
    allowsLoopback,
    observer: {
      raised: (source, type) => raised.push(`${source} ${type}`),
      enveloped: () => {},
      notKept: (_count, reason) => notKept.push(reason),
      warned: (_source, warning) => warnings.push(warning),
      fault: (where, error) => {
        throw new Error(where, { cause: error });
      },
    },
  });
  const outbox = new Outbox({
    store: await openStore(queue, clock),
    clock,
    deliverer: webhooks.deliverer,
    endpoints: webhooks.endpoints,
    onDeadline: (key, content) => webhooks.onDeadline(key, content),
    restamp: (envelope, atMs) => webhooks.restamp(envelope, atMs),
    observer: options.observer,
    random: () => 0.5, // no jitter
  });
  webhooks.attach(outbox);
  await webhooks.configure(settings);
  await outbox.start();
  const stop = async () => {
    await webhooks.settled();
    const closed = outbox.close(0);
    await clock.advanceAsync(2_000); // it waits for attempts under way, then gives them up
    await closed;
    await webhooks.close();
  };
  if (options.stopsItself !== true) onTestFinished(stop);
  return { webhooks, outbox, clock, stop, notKept, warnings, raised, ...clientsOf(webhooks) };
}

/** Plays the hub of one app or hub: tells the facts of clients, with who is the first and who the last. */
function clientsOf(webhooks: Webhooks) {
  const members = new Map<string, Set<Client>>();
  const users = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, by: number) => {
    const count = (map.get(key) ?? 0) + by;
    map.set(key, count);
    return count;
  };
  const tell = (fact: PlainFact) => webhooks.tell(fact);
  class Client {
    readonly connection: FactConnection;
    readonly tags = new Map<string, MembershipTag | undefined>();

    constructor(
      readonly hub: string,
      id: string,
      userId?: string,
    ) {
      this.connection = { id, userId, protocol: { name: 'test' }, upstream: {} };
    }

    join(group: string, tag?: MembershipTag): void {
      const among = members.get(`${this.hub} ${group}`) ?? new Set();
      members.set(`${this.hub} ${group}`, among.add(this));
      this.tags.set(group, tag);
      tell({ kind: 'joined', hub: this.hub, connection: this.connection, group, isFirst: among.size === 1, tag });
    }

    leave(group: string): void {
      const among = members.get(`${this.hub} ${group}`);
      if (among?.delete(this) !== true) return;
      const tag = this.tags.get(group);
      this.tags.delete(group);
      tell({ kind: 'left', hub: this.hub, connection: this.connection, group, isLast: among.size === 0, tag });
    }

    close(reason = ''): void {
      const { hub, connection } = this;
      const { userId } = connection;
      const isLastOfUser = userId !== undefined && add(users, `${hub} ${userId}`, -1) === 0;
      tell({ kind: 'ended', hub, connection, isLast: false, isLastOfUser });
      for (const group of [...this.tags.keys()]) this.leave(group);
      tell({ kind: 'closed', hub, connection, ending: { category: 'Normal', reason } });
    }
  }
  let count = 0;
  const connect = (hub = 'app:42', userId?: string): Client => {
    count += 1;
    const client = new Client(hub, `8181.${count}`, userId);
    const { connection } = client;
    const isFirst = userId !== undefined && add(users, `${hub} ${userId}`, 1) === 1;
    tell({ kind: 'identified', hub, connection, userId, subprotocol: undefined, isFirst });
    tell({ kind: 'opened', hub, connection, isFirst: count === 1 });
    return client;
  };
  return { connect };
}

/** The events of webhooks, in the order in which the requests came. */
export function eventsOf(requests: readonly Received[]): readonly Record<string, unknown>[] {
  return requests.flatMap(({ body }) => (JSON.parse(body.toString()) as { events: Record<string, unknown>[] }).events);
}

/** As `name channel user_id`, with what there is of these. */
export function told(requests: readonly Received[]): readonly string[] {
  return eventsOf(requests).map(event =>
    [event.name, event.channel ?? event.group ?? event.connection_id, event.user_id].filter(Boolean).join(' '),
  );
}
