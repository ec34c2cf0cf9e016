import { defaultKeepBytes, defaultLeaseSeconds } from './schema/cluster.js';
import type { HubsFile } from './schema/hubs-file.js';

/** How nodes of one cluster work together; without effect on one that is alone. [cluster 2] */
export interface ClusterSettings {
  readonly leaseMs: number;
  readonly onIsolation: 'pause' | 'serve';
  readonly keepBytes: number;
  readonly isSigned: boolean;
  readonly replicas: 'auto' | 1 | 3 | 5;
}

const replicasOf = { auto: 'auto', 1: 1, 3: 3, 5: 5 } as const;

export function buildCluster(settings: NonNullable<HubsFile['cluster']>): ClusterSettings {
  return {
    leaseMs: (settings.leaseSeconds ?? defaultLeaseSeconds) * 1_000,
    onIsolation: settings.onIsolation ?? 'pause',
    keepBytes: settings.keepBytes ?? defaultKeepBytes,
    isSigned: settings.sign ?? false,
    replicas: replicasOf[settings.replicas ?? 'auto'],
  };
}
