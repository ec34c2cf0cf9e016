import { systemClock } from '../clock.js';
import { ConfigError, parseConfig, readConfigText } from '../config/load.js';
import { PubSubError } from '../errors.js';
import type { NatsEvent } from '../nats/events.js';
import type { NatsOptions } from '../nats/options.js';
import { readNats } from './nats-settings.js';
import type { Environment } from './settings.js';
import type { Flags } from './variables.js';

/** Longest wait for NATS. */
const connectMs = 5_000;

/**
 * Makes a file the configuration of all nodes that are started with `--config nats`. [cluster 9]
 * @throws ConfigError for an invalid file; PubSubError `conflict` when somebody else writes at the same time, `unknown` without NATS
 */
export async function pushConfig(file: string, flags: Flags, env: Environment): Promise<void> {
  const nats = await readNats(flags, env);
  if (nats === undefined) throw new PubSubError('invalid', 'config push needs --nats (or HUBWIRE_NATS)');
  const text = await readConfigText(file);
  const unset = unsetVariables(text, file, env);
  const access = await connect(nats);
  try {
    const before = await access.read();
    const cluster = `cluster ${nats.clusterName}`;
    if (before?.text === text) return print(`${cluster} has this configuration already`);
    const revision = await access.write(text, before?.revision ?? 0);
    print(`${file} is the configuration of ${cluster} now (revision ${revision})`);
    if (unset.length > 0) print(`variables that every node has to have: ${unset.join(', ')}`);
  } finally {
    await access.close();
  }
}

/** Checks the file as a node does, whose environment is another one. @returns variables of the file that are not set here */
function unsetVariables(text: string, file: string, env: Environment): readonly string[] {
  try {
    parseConfig(text, { file, env });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const unset = new Set(error.problems.flatMap(({ variable }) => variable ?? []));
    if (error.problems.every(({ variable }) => variable !== undefined)) return [...unset];
    throw error;
  }
}

type Access = Awaited<ReturnType<typeof import('../shared-config.js')['SharedConfigAccess']['open']>>;

async function connect(nats: NatsOptions): Promise<Access> {
  const { SharedConfigAccess } = await import('../shared-config.js');
  let reason = 'no answer';
  const tell = (event: NatsEvent) => {
    if (event.kind === 'unreachable') reason = `${event.server}: ${event.reason}`;
  };
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), connectMs); // keeps the process alive, which the clock's do not
  try {
    return await SharedConfigAccess.open(nats, { clock: systemClock, tell }, late.signal);
  } catch (cause) {
    if (!late.signal.aborted) throw cause;
    throw new PubSubError('unknown', `NATS cannot be reached (${reason}); nothing was written`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
