import { describe, expect, onTestFinished, test } from 'vitest';
import type { FactConnection, PlainFact } from '../../../src/hub/facts.js';
import { notify } from '../../../src/upstream/notify.js';
import { AppServer } from '../../support/app-server.js';
import { startHandlers, textOf } from '../../support/handlers.js';

/** A connection of hub `chat`, whose facts are told one after another; and what its app server got. */
async function start() {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const { open, observer } = await startHandlers({ chat: app.url });
  const upstream = open('c1');
  const connection: FactConnection = { id: 'c1', userId: 'ann', protocol: { name: 'simple' }, upstream };
  return {
    upstream,
    tell: (fact: DistributiveOmit<PlainFact & { connection: unknown }, 'hub' | 'connection'>) =>
      notify({ hub: 'chat', connection, ...fact } as PlainFact),
    async got(count: number) {
      await observer.until(({ events }) => events.length === count);
      const told = app.posts.map(({ headers, body }) => {
        const { 'ce-id': id, 'ce-eventname': name, 'ce-userid': userId, 'ce-subprotocol': subprotocol } = headers;
        return [Number(id), name, userId, subprotocol, body.toString()];
      });
      return told.sort(([a], [b]) => Number(a) - Number(b));
    },
  };
}

type DistributiveOmit<T, Key extends string> = T extends unknown ? Omit<T, Key> : never;

const identified = {
  kind: 'identified',
  userId: 'ann',
  subprotocol: 'json.webpubsub.azure.v1',
  isFirst: true,
} as const;
const ending = { category: 'Normal', reason: 'tab closed' } as const;
const ann = ['ann', 'json.webpubsub.azure.v1'];

describe('[upstream-events 2.3] facts become events of their connection, numbered with its own', () => {
  test('connected and disconnected, with the user; the facts that are not for app servers take no number', async () => {
    const { tell, upstream, got } = await start();
    tell(identified);
    tell({ kind: 'opened', isFirst: true });
    tell({ kind: 'roleIgnored', role: 'r', reason: '' });
    tell({ kind: 'joined', group: 'g', isFirst: true }); // no handler is configured for it
    await upstream.event('vote', textOf('yes'));
    tell({ kind: 'refused', reason: '' });
    tell({ kind: 'ended', isLast: true, isLastOfUser: true });
    tell({ kind: 'left', group: 'g', isLast: true });
    tell({ kind: 'closed', ending });
    expect(await got(3)).toEqual([
      [1, 'connected', ...ann, '{}'],
      [2, 'vote', ...ann, 'yes'],
      [3, 'disconnected', ...ann, '{"reason":"tab closed"}'],
    ]);
  });

  test('[upstream-events D39] a client that left during its connect: disconnected only', async () => {
    const { tell, got } = await start();
    tell({ kind: 'abandoned', userId: 'ann', subprotocol: 'json.webpubsub.azure.v1', ending });
    expect(await got(1)).toEqual([[1, 'disconnected', ...ann, '{"reason":"tab closed"}']]);
  });

  test('connections of another upstream, and facts without a connection, are none of its business', () => {
    const connection = { id: 'c', userId: undefined, protocol: { name: 'simple' }, upstream: {} };
    const event = { hub: 'chat', connectionId: 'c', type: 'user', name: 'e', outcome: 'success' } as const;
    expect(() => {
      notify({ kind: 'opened', hub: 'chat', connection, isFirst: true });
      notify({ kind: 'evented', ...event, durationMs: 1, attempts: 1, reason: undefined });
    }).not.toThrow();
  });
});
