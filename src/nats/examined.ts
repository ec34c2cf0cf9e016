import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock.js';
import { failureText, isClustered, managerOn, NatsSetupError, requireJetStream } from './jetstream.js';
import { serversOf, storedStreams } from './replicas.js';
import { autoReplicas } from './streams.js';

/** What a cluster has in NATS. */
export interface ExaminedNats {
  /** The one that answered, `host:port`. */
  readonly server: string;
  /** Is it one of several? */
  readonly isClustered: boolean;
  /** What `auto` stands for where servers permit it. */
  readonly autoReplicas: number;
  /** What nodes share there, with the number of servers that keep it. */
  readonly streams: readonly { readonly name: string; readonly replicas: number }[];
  /** Bytes that the account has stored and may store; undefined: the account has no limit. */
  readonly storage: { readonly used: number; readonly most: number } | undefined;
}

/** Nothing is changed. @throws as a rejection: NatsSetupError */
export async function examined(connection: NatsConnection, clusterName: string, clock: Clock): Promise<ExaminedNats> {
  const { storage: used, limits } = await requireJetStream(connection, clock);
  const most = limits.max_storage;
  return {
    server: connection.getServer(),
    isClustered: isClustered(connection),
    autoReplicas,
    streams: await streamsOf(connection, clusterName),
    storage: most > 0 ? { used, most } : undefined,
  };
}

async function streamsOf(connection: NatsConnection, clusterName: string): Promise<ExaminedNats['streams']> {
  try {
    const found = await storedStreams(await managerOn(connection), clusterName);
    return found.map(stream => ({ name: stream.config.name, replicas: serversOf(stream) }));
  } catch (error) {
    const reason = failureText(error);
    throw new NatsSetupError(
      `What nodes share cannot be read in NATS (${reason}): check the permissions of this user.`,
    );
  }
}
