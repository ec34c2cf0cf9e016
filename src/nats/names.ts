/** What a cluster is called: it begins its subjects, streams and buckets, which allow no other characters. */
const clusterName = /^[A-Za-z0-9_-]{1,32}$/;

export const clusterNameRule = '1 to 32 letters, digits, - and _';

export function isClusterName(name: string): boolean {
  return clusterName.test(name);
}

/** `R` of all subjects: the name of the cluster and the version of their format. [cluster 3.2] */
export function subjectRoot(name: string): string {
  return `${name}.1`;
}

/** Where answers to a node's requests arrive: not readable for other clusters under the permissions of [CL-122]. */
export function inboxPrefix(name: string): string {
  return `_INBOX.${name}`;
}

/** All that a cluster keeps in JetStream; `deploy/nats/permissions.conf` allows each of them. [CL-122] */
export const streams = ['ledger', 'outbox'] as const;
export const buckets = ['nodes', 'facts', 'config', 'checks'] as const;

/** Name of a stream or a bucket of a cluster: `hw_nodes`. */
export function storeName(name: string, what: (typeof streams)[number] | (typeof buckets)[number]): string {
  return `${name}_${what}`;
}
