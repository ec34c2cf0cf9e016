import { join } from 'node:path';
import type * as NatsProgramModule from '../../../src/workers/nats-program.js';
import { freePort } from './free-port.js';
import type { ServerProcess } from './server-process.js';
import { shipped } from './shipped.js';
import type { Stage } from './stage.js';

/** Variables that name the program, the first one that is set. */
const variables = ['HUBWIRE_NATS_SERVER', 'NATS_SERVER_PATH'];

/** Why scenarios that need a nats-server cannot run here; undefined: they can. @throws Error for a bad one that is named */
export async function natsMissing(): Promise<string | undefined> {
  const { findNatsProgram, howToInstall } = await natsProgram();
  return (await findNatsProgram(named())) === undefined ? `there is no nats-server; ${howToInstall}` : undefined;
}

/** A nats-server with JetStream, beside the load: it is no part of what is measured, and its time is shown. */
export async function startNats(stage: Stage): Promise<ServerProcess> {
  const { findNatsProgram, howToInstall } = await natsProgram();
  const program = await findNatsProgram(named());
  if (program === undefined) throw new Error(howToInstall);
  const [port, folder] = [await freePort(), stage.folder()];
  const store = ['--jetstream', '--store_dir', join(folder, 'jetstream'), '--log', join(folder, 'nats.log')];
  return stage.helper('nats-server', [program.path, '--addr', '127.0.0.1', '--port', String(port), ...store], port);
}

/** For `--nats`. */
export function natsUrl({ listening }: ServerProcess): string {
  return listening.public.replace('http:', 'nats:');
}

function natsProgram(): Promise<typeof NatsProgramModule> {
  return shipped<typeof NatsProgramModule>('workers/nats-program.js');
}

function named(): { readonly text: string; readonly name: string } | undefined {
  const name = variables.find(each => process.env[each]);
  return name === undefined ? undefined : { text: process.env[name] ?? '', name };
}
