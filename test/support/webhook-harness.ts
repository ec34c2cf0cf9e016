import { onTestFinished } from 'vitest';
import type { AppKey } from '../../src/auth/pusher-signatures.js';
import type { FactConnection, PlainFact } from '../../src/hub/facts.js';
import { openStore, type QueueOptions } from '../../src/outbox/open-store.js';
import { Outbox } from '../../src/outbox/outbox.js';
import type { Deliverer, OutboxObserver } from '../../src/outbox/ports.js';
import type { OutboxStore } from '../../src/outbox/store.js';
import type { GroupMember } from '../../src/protocols/messages.js';
import type { WebhookEntry } from '../../src/webhooks/options.js';
import type { WebhookSettings } from '../../src/webhooks/sources.js';
import { Webhooks } from '../../src/webhooks/webhooks.js';
import type { Received } from './app-server.js';
import { ManualClock } from './manual-clock.js';

export const appKeys: readonly AppKey[] = [{ key: 'hubkey01', secret: 'hubsecret01', active: true }];

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
  /** In place of `queue`. */
  readonly store?: OutboxStore;
  /** In place of requests. */
  readonly deliverer?: Deliverer;
  readonly allowsLoopback?: boolean;
  readonly observer?: OutboxObserver;
  /** By default the test's end stops it. */
  readonly stopsItself?: boolean;
}

/** Webhooks with an outbox, without a service: facts are told by hand. Requests to loopback are allowed. */
export async function startWebhooks(settings: WebhookSettings, options: WebhookHarnessOptions = {}) {
  const { clock = new ManualClock(), queue = { driver: 'memory' }, allowsLoopback = true } = options;
  const { store = await openStore(queue, clock) } = options;
  const notKept: string[] = [];
  const warnings: string[] = [];
  const raised: string[] = [];
  const enveloped: number[] = [];
  const webhooks = new Webhooks({
    clock,
    userAgent: 'Hubwire-webhooks/test',
    allowsLoopback,
    observer: {
      raised: (source, type) => raised.push(`${source} ${type}`),
      enveloped: (_endpoint, events) => enveloped.push(events),
      notKept: (_endpoint, reason) => notKept.push(reason),
      warned: (_source, warning) => warnings.push(warning),
      fault: (where, error) => {
        throw new Error(where, { cause: error });
      },
    },
  });
  const outbox = new Outbox({
    store,
    clock,
    deliverer: options.deliverer ?? webhooks.deliverer,
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
  return { webhooks, outbox, clock, stop, notKept, warnings, raised, enveloped, ...clientsOf(webhooks) };
}

/** Plays hubs: tells the facts of clients, with who is the first and who the last. */
function clientsOf(webhooks: Webhooks) {
  const counts = new Map<string, number>();
  /** @returns how many there are now */
  const add = (by: 1 | -1, ...key: readonly string[]) => {
    const name = JSON.stringify(key);
    counts.set(name, (counts.get(name) ?? 0) + by);
    return counts.get(name);
  };
  const tell = (fact: PlainFact) => webhooks.tell(fact);
  class Client {
    readonly connection: FactConnection;
    /** Groups, each with whom it presents to it. */
    readonly groups = new Map<string, GroupMember | undefined>();

    constructor(
      readonly hub: string,
      id: string,
      userId: string | undefined,
    ) {
      this.connection = { id, userId, protocol: { name: 'test' }, upstream: {} };
    }

    join(group: string, member?: GroupMember): void {
      const { hub, connection } = this;
      this.groups.set(group, member);
      tell({ kind: 'joined', hub, connection, group, isFirst: add(1, hub, group) === 1 });
      if (member === undefined || add(1, hub, group, member.id) !== 1) return;
      tell({ kind: 'memberAdded', hub, connection, group, member });
    }

    leave(group: string): void {
      const { hub, connection } = this;
      const member = this.groups.get(group);
      this.groups.delete(group);
      if (member !== undefined && add(-1, hub, group, member.id) === 0) {
        tell({ kind: 'memberRemoved', hub, connection, group, member });
      }
      tell({ kind: 'left', hub, connection, group, isLast: add(-1, hub, group) === 0 });
    }

    close(reason = '', code?: number): void {
      const { hub, connection } = this;
      const { userId } = connection;
      const isLastOfUser = userId !== undefined && add(-1, hub, 'user', userId) === 0;
      tell({ kind: 'ended', hub, connection, isLast: false, isLastOfUser });
      for (const group of [...this.groups.keys()]) this.leave(group);
      tell({ kind: 'closed', hub, connection, ending: { category: 'Normal', reason, code } });
    }
  }
  let count = 0;
  const connect = (hub = 'app:42', userId?: string): Client => {
    count += 1;
    const client = new Client(hub, `8181.${count}`, userId);
    const { connection } = client;
    const isFirst = userId !== undefined && add(1, hub, 'user', userId) === 1;
    tell({ kind: 'identified', hub, connection, userId, subprotocol: undefined, isFirst });
    tell({ kind: 'opened', hub, connection, isFirst: count === 1 });
    return client;
  };
  return { connect, tell };
}

/** A member of a presence channel, as clients of Pusher present themselves. */
export function memberOf(userId: string | number): GroupMember {
  return { id: String(userId), about: { idJson: JSON.stringify(userId), infoJson: `{"name":"name of ${userId}"}` } };
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
