import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Keys } from '../auth/keys.js';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import type { ServiceOptions } from '../service-options.js';
import { forkNode, forkWorker, ownChannel } from '../workers/forks.js';
import { NatsCluster } from '../workers/nats-cluster.js';
import { findNatsProgram, howToInstall } from '../workers/nats-program.js';
import { Primary } from '../workers/primary.js';
import { type OwnNats, PrivateNats } from '../workers/private-nats.js';
import { Worker } from '../workers/worker.js';
import { failureText } from './failure.js';
import { type HubsFile, loadHubs } from './hubs-file.js';
import type { KeySettings } from './key-settings.js';
import { placeVariable, portOf, privateNatsVariable, type Scale } from './scale.js';
import type { Environment } from './settings.js';
import { leaveClosedTerminals } from './terminals.js';
import type { Given } from './variables.js';

/** Variables that name the nats-server to run, the first one that is set. */
const programVariables = ['HUBWIRE_NATS_SERVER', 'NATS_SERVER_PATH'];

const queueEnds =
  'queue.driver is nats, and this process runs the nats-server itself: webhooks and durable events that wait are lost when it ends; use a NATS of your own with --nats';

export interface WorkersPlan {
  readonly scale: Scale;
  readonly settings: KeySettings;
  readonly env: Environment;
  /** Is there a NATS that the workers use? */
  readonly hasNats: boolean;
}

/** The parent of the workers, which is not started yet. @throws PubSubError `invalid` where there is no NATS for them */
export async function primaryOf(options: ServiceOptions, plan: WorkersPlan): Promise<Primary> {
  const { scale, settings, env } = plan;
  const nats = await ownNats(options, plan);
  const ofNats = nats instanceof PrivateNats ? { [privateNatsVariable]: 'private' } : {};
  return new Primary({
    service: { ...options, keySources: settings.sources },
    size: scale.size,
    noun: nounOf(scale),
    nats,
    env,
    fork: (place, variables) => {
      const more = { ...variables, ...ofNats, [placeVariable]: String(place) };
      return scale.isCluster ? forkNode({ ...env, ...more }) : forkWorker(more);
    },
  });
}

function nounOf({ isCluster }: Pick<Scale, 'isCluster'>): 'worker' | 'node' {
  return isCluster ? 'node' : 'worker';
}

/** Undefined: there is one already, or a single worker, which needs none. */
async function ownNats(
  { log, config }: ServiceOptions,
  { scale: { size, isCluster }, env, hasNats }: WorkersPlan,
): Promise<OwnNats | undefined> {
  if (size === 1 || hasNats) return undefined;
  const program = await findNatsProgram(namedProgram(env));
  if (program !== undefined) {
    if (config.queue.driver === 'nats') log.warn(queueEnds);
    const users = `${nounOf({ isCluster })}s`;
    const nats = { program, users, storeDirectory: undefined, clock: systemClock, log };
    return isCluster ? new NatsCluster(nats, size) : new PrivateNats(nats);
  }
  const why = `${size} nodes need NATS, through which each reaches the clients of the others`;
  throw new PubSubError('invalid', `${why}: ${howToInstall} with --nats`);
}

function namedProgram(env: Environment): Given | undefined {
  const name = programVariables.find(each => env[each]);
  return name === undefined ? undefined : { text: env[name] ?? '', name };
}

export interface WorkerPlan {
  readonly place: number;
  readonly isCluster: boolean;
  readonly file: HubsFile;
  readonly env: Environment;
  readonly hasSample: boolean;
}

/** Runs one of the workers, in its own process, which does what its parent says. */
export async function runWorker(options: ServiceOptions, plan: WorkerPlan): Promise<void> {
  const { file, env, hasSample, isCluster, place } = plan;
  const port = isCluster ? portOf(options.port, place) : options.port;
  const keys = new Keys(options.keys);
  const token = randomBytes(24).toString('hex');
  const { Service } = await import('../service.js');
  const observer = { handlerChanged: () => queueMicrotask(() => worker.tellHandlers()) };
  const service = new Service({ ...ofWorker(options, plan, token), port, keys, observer });
  const worker = new Worker({
    service,
    keys,
    token,
    channel: ownChannel(),
    clock: systemClock,
    load: variables => loadHubs(file, { ...env, ...variables }, hasSample),
    watch: variables =>
      service.watch(file.path, { ...env, ...variables }, { isMissing: file.isMissing, shared: file.shared }),
    failureText: error => failureText(error, env),
    exit: code => process.exit(code),
  });
  onSignals(worker);
}

/** Its parent has the admin listener; what is kept on disk is kept by each. */
function ofWorker(options: ServiceOptions, { place, isCluster }: WorkerPlan, adminToken: string): ServiceOptions {
  return {
    ...options,
    admin: undefined,
    adminTls: undefined,
    adminAccess: { adminToken, isGenerated: true, readToken: undefined, origins: [] },
    isWorker: true,
    dataDirectory: options.dataDirectory && join(options.dataDirectory, `worker-${place}`),
    log: options.log.child({ [nounOf({ isCluster })]: place }),
  };
}

/** A terminal sends its signals to all processes: the parent passes on what they mean. It also says when it has ended. */
function onSignals(worker: Worker): void {
  leaveClosedTerminals();
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});
  process.on('SIGTERM', () => worker.stop());
  process.on('disconnect', () => process.exit(0));
}
