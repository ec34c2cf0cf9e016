import { availableParallelism } from 'node:os';
import { PubSubError } from '../errors.js';
import type { Environment } from './settings.js';
import { type Flags, type Given, lookUp } from './variables.js';

/** More would be a mistake in the unit of the number. */
const most = 256;

/** Set in the environment of each worker: 1, 2, 3 … */
export const placeVariable = 'HUBWIRE_WORKER';

/** Set in the environment of workers whose NATS is one server of their parent. */
export const privateNatsVariable = 'HUBWIRE_WORKERS_NATS';

/** Several processes that are started as one. */
export interface Scale {
  /** How many nodes. */
  readonly size: number;
  /** Each has a listener of its own. Otherwise they share one. */
  readonly isCluster: boolean;
  /** Of this process among them; undefined: it is their parent. */
  readonly place: number | undefined;
}

/** Undefined: this process serves alone. @throws PubSubError `invalid` */
export function readScale(flags: Flags, env: Environment): Scale | undefined {
  const [workers, cluster] = [lookUp('workers', flags, env), lookUp('cluster', flags, env)];
  if (workers !== undefined && cluster !== undefined) {
    const message = `${workers.name} and ${cluster.name} exclude each other: --cluster shows a cluster on one machine, --workers uses its cores`;
    throw new PubSubError('invalid', message);
  }
  const place = ownPlace(env);
  if (cluster !== undefined) return { size: parseNodes(cluster), isCluster: true, place };
  return workers && { size: parseWorkers(workers), isCluster: false, place };
}

/** `auto`: one for each core that this process may use. @throws PubSubError `invalid` */
export function parseWorkers({ text, name }: Given): number {
  if (text === 'auto') return availableParallelism();
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= most) return count;
  throw new PubSubError('invalid', `${name} must be a number from 1 to ${most}, or auto, not "${text}"`);
}

/** Of a demonstration. @throws PubSubError `invalid` */
function parseNodes({ text, name }: Given): number {
  const count = Number(text);
  if (/^\d$/.test(text) && count >= 2) return count;
  throw new PubSubError('invalid', `${name} must be a number from 2 to 9, not "${text}"`);
}

/** The public ports of the nodes of a demonstration: the one that is given, and each tenth after it. 0: any free one. */
export function portOf(first: number, place: number): number {
  return first === 0 ? 0 : first + 10 * (place - 1);
}

/** Only a process that has a parent to listen to is a worker. */
function ownPlace(env: Environment): number | undefined {
  const place = env[placeVariable];
  return place === undefined || process.send === undefined ? undefined : Number(place);
}
