import type { ExaminedNats } from '../nats/examined.js';
import { type Finding, ok, warning } from './finding.js';

const muchStored = 0.8;

/** @param wanted `cluster.replicas` of hubs.yaml. Pure. */
export function natsFindings(seen: ExaminedNats, wanted: 'auto' | number): readonly Finding[] {
  return [
    ok('nats', {}, `NATS at ${seen.server} answers, and has JetStream`),
    ...replicaFindings(seen, wanted),
    ...storageFindings(seen),
  ];
}

/** A server alone has one replica of all: that is what was chosen. */
function replicaFindings(
  { isClustered, autoReplicas, streams }: ExaminedNats,
  wanted: 'auto' | number,
): readonly Finding[] {
  const least = wanted === 'auto' ? autoReplicas : wanted;
  const few = streams.filter(({ replicas }) => replicas < least);
  if (!isClustered || few.length === 0) return [];
  const names = few.map(({ name, replicas }) => `${name} (${replicas})`).join(', ');
  const text = `what nodes share is kept by fewer servers of NATS than ${least}, and lost with them: ${names}`;
  return [warning('nats', {}, text, wanted === 'auto' ? whenAuto : [byHand(few[0]!.name, least)])];
}

const whenAuto = [
  'connect three servers with JetStream by routes: a node that runs raises the number within a minute, or its log says why not',
  'set cluster.replicas: 1 in hubs.yaml, if one is enough',
];

function byHand(name: string, replicas: number): string {
  return `cluster.replicas is a number, and changes no stream that exists: nats stream update ${name} --replicas ${replicas}, and so for each`;
}

function storageFindings({ storage }: ExaminedNats): readonly Finding[] {
  if (storage === undefined || storage.used < muchStored * storage.most) return [];
  const text = `the account in NATS has stored ${storage.used} of the ${storage.most} bytes that it may: when it is full, no lease is renewed, and all nodes pause`;
  return [
    warning('nats', {}, text, [
      'raise max_file of the account, or purge streams of other programs',
      'drop dead letters',
    ]),
  ];
}
