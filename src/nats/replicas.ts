import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { NatsParts } from './events.js';
import { failureText, isClustered, isUnanswered, managerOn } from './jetstream.js';
import { buckets, storeName, streams } from './names.js';
import { autoReplicas, codeOf, findStream, noPeers, singleCopy } from './streams.js';

/** Between two looks: a server that has come late is found within that time. */
const lookMs = 60_000;

/** Names of all streams that a cluster may have, those of its buckets among them. */
function streamsOf(clusterName: string): readonly string[] {
  return [
    ...streams.map(name => storeName(clusterName, name)),
    ...buckets.map(name => `KV_${storeName(clusterName, name)}`),
  ];
}

/** What a cluster has in JetStream. @throws as a rejection: when JetStream does not answer */
export async function storedStreams(manager: JetStreamManager, clusterName: string): Promise<readonly StreamInfo[]> {
  const found = await Promise.all(streamsOf(clusterName).map(name => findStream(manager, name)));
  return found.filter(stream => stream !== undefined);
}

/**
 * How many servers keep a stream. A server of 2.9 to which two nodes send requests for 1 and for 3 replicas at the same moment may
 * say 3 of a stream that is on one [measured with 2.9.10]. While there is no leader, what it says counts.
 */
export function serversOf({ config, cluster }: StreamInfo): number {
  const isLed = cluster?.leader !== undefined && cluster.leader !== '';
  return isLed ? 1 + (cluster.replicas?.length ?? 0) : config.num_replicas;
}

/**
 * Raises the replicas of what a cluster has in JetStream to those of `auto`, where servers permit it by now: a server may have
 * come after the first start, when streams were created. They are never lowered. [CL-006]
 */
export class ReplicaRaise {
  readonly #clusterName: string;
  readonly #parts: NatsParts;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(clusterName: string, parts: NatsParts) {
    this.#clusterName = clusterName;
    this.#parts = parts;
  }

  /** Servers have come or gone: the next look does not wait. */
  hurry(): void {
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  /** Does so at most once a minute. What is refused is told once for each reason. Never rejects. */
  async look(connection: NatsConnection): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < this.#nextMs || !isClustered(connection)) return;
    this.#nextMs = nowMs + lookMs;
    try {
      const manager = await managerOn(connection);
      for (const stream of await storedStreams(manager, this.#clusterName)) {
        if (serversOf(stream) < autoReplicas && !(await this.#raise(manager, stream))) return;
      }
    } catch {
      // the servers do not answer, as whoever looks after the streams tells
    }
  }

  /** @returns whether others may be raised @throws as a rejection */
  async #raise(manager: JetStreamManager, stream: StreamInfo): Promise<boolean> {
    const { name, num_replicas: said } = stream.config;
    if (said >= autoReplicas && serversOf(stream) > 1) {
      this.#parts.tell({ kind: 'warned', text: incompleteText(stream) });
      return true;
    }
    try {
      if (said >= autoReplicas) await manager.streams.update(name, { num_replicas: 1 }); // as it is: else nothing would change
      this.#tellRaised(await manager.streams.update(name, { num_replicas: autoReplicas }));
    } catch (error) {
      if (codeOf(error) === noPeers) {
        this.#parts.tell({ kind: 'warned', text: singleCopy });
        return false;
      }
      const found = await findStream(manager, name);
      if (found === undefined) return true;
      if (serversOf(found) < autoReplicas) {
        this.#parts.tell({ kind: 'warned', text: refusedText(found, failureText(error)) });
        return !isUnanswered(error);
      }
      this.#tellRaised(found); // the answer was lost, or another node has done it
    }
    return true;
  }

  #tellRaised({ config: { name, num_replicas: replicas } }: StreamInfo): void {
    this.#parts.tell({ kind: 'raised', stream: name, replicas });
  }
}

/** It would have to be lowered before it could be raised. */
function incompleteText(stream: StreamInfo): string {
  const { name, num_replicas: said } = stream.config;
  return `Stream ${name} of NATS says that it has ${said} replicas, and is kept by ${serversOf(stream)} servers. If that stays so: nats stream update ${name} --replicas 1, then --replicas ${autoReplicas}.`;
}

function refusedText(stream: StreamInfo, reason: string): string {
  const { name } = stream.config;
  const replicas = serversOf(stream);
  const servers = replicas === 1 ? 'one NATS server' : `${replicas} NATS servers`;
  return `Stream ${name} is kept by ${servers}, and ${autoReplicas} are not permitted (${reason}). It is tried again each minute; or set cluster.replicas: 1, if one is enough.`;
}
