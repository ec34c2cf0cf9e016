import { type JetStreamManager, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { NatsParts } from './events.js';
import { failureText, isClustered, isUnanswered, requestMs } from './jetstream.js';
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
export async function storedStreams(connection: NatsConnection, clusterName: string): Promise<readonly StreamInfo[]> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: requestMs });
  const found = await Promise.all(streamsOf(clusterName).map(name => findStream(manager, name)));
  return found.filter(stream => stream !== undefined);
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
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: requestMs });
      for (const { config } of await storedStreams(connection, this.#clusterName)) {
        if (config.num_replicas < autoReplicas && !(await this.#raise(manager, config.name))) return;
      }
    } catch {
      // the servers do not answer, as whoever looks after the streams tells
    }
  }

  /** @returns whether others may be raised @throws as a rejection */
  async #raise(manager: JetStreamManager, name: string): Promise<boolean> {
    try {
      this.#tellRaised(await manager.streams.update(name, { num_replicas: autoReplicas }));
    } catch (error) {
      if (codeOf(error) === noPeers) {
        this.#parts.tell({ kind: 'warned', text: singleCopy });
        return false;
      }
      const found = await findStream(manager, name);
      if (found === undefined) return true;
      if (found.config.num_replicas < autoReplicas) {
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

function refusedText({ config: { name, num_replicas: replicas } }: StreamInfo, reason: string): string {
  const servers = replicas === 1 ? 'one NATS server' : `${replicas} NATS servers`;
  return `Stream ${name} is kept by ${servers}, and ${autoReplicas} are not permitted (${reason}). It is tried again each minute; or set cluster.replicas: 1, if one is enough.`;
}
