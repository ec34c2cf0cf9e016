import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { isClustered } from './jetstream.js';

/** The first one that repeats a purge as it was. */
const firstSafe = [2, 9, 18];

/** It is gone already: "sequence 7 not found", or a failure of the deletion that says so. */
const notFound = 10_043;
const failed = 10_057;
const goneTexts = ['no message found', 'deleted message'];

/**
 * A server before 2.9.18 that was killed repeats the purges of a stream of several servers when it is started again: each of
 * them removes everything that was in the stream by then, whatever it was limited to (nats-server#4196) [measured with 2.9.10].
 * In a cluster any stream may be one: its replicas may be raised at any time.
 */
export function repeatsPurges(connection: Pick<NatsConnection, 'info'>): boolean {
  if (!isClustered(connection)) return false;
  const { info } = connection;
  const parts = (info?.version ?? '').split('.').map(part => Number.parseInt(part, 10));
  const at = firstSafe.findIndex((safe, index) => parts[index] !== safe);
  return at !== -1 && (parts[at] ?? 0) < firstSafe[at]!;
}

/** Removes these messages, one after another. Those that are gone already are passed over. @throws as a rejection */
export async function deleteEach(
  manager: JetStreamManager,
  stream: string,
  sequences: Iterable<number>,
): Promise<void> {
  for (const sequence of sequences) {
    try {
      await manager.streams.deleteMessage(stream, sequence, false);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return error.code === notFound || (error.code === failed && goneTexts.some(text => error.message.includes(text)));
}
