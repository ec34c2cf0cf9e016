import { resolve } from 'node:path';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { logNats } from '../logging.js';
import type { NatsOptions } from '../nats/options.js';
import { findHubsFile, type HubsFile } from './hubs-file.js';
import type { Environment } from './settings.js';
import { type Flags, lookUp } from './variables.js';

const sources = ['file', 'nats'] as const;

/**
 * Where the hubs are read from: a file of this node, or what all nodes of the cluster share. In the latter case it settles once
 * NATS has it. [cluster 9]
 * @throws PubSubError `invalid`
 */
export async function findHubs(
  flags: Flags,
  env: Environment,
  nats: NatsOptions | undefined,
  log: Parameters<typeof logNats>[0],
): Promise<HubsFile> {
  const source = lookUp('config', flags, env);
  if (!sources.some(each => each === source.text)) {
    throw new PubSubError('invalid', `${source.name} must be one of ${sources.join(', ')}, not "${source.text}"`);
  }
  const hubs = lookUp('hubs', flags, env);
  if (source.text === 'file') return findHubsFile(hubs);
  const name = `${source.name} ${source.text}`;
  if (nats === undefined) throw new PubSubError('invalid', `${name} needs --nats (or HUBWIRE_NATS)`);
  if (hubs.isDefault !== true) {
    throw new PubSubError('invalid', `${hubs.name} is given with ${name}: choose one of them`);
  }
  const { SharedConfig } = await import('../shared-config.js');
  const tell = (event: Parameters<typeof logNats>[1]) => logNats(log, event);
  const waiting = setInterval(() => {}, 60_000); // keeps the process alive, which the clock's timers do not
  try {
    const shared = await SharedConfig.open(nats, { clock: systemClock, tell, say: text => log.warn(text) });
    return { path: resolve(hubs.text), namedBy: name, isMissing: false, shared };
  } finally {
    clearInterval(waiting);
  }
}
