import { unusedFile } from '../hubs-file.js';
import type { Environment } from '../settings.js';
import { lookUp } from '../variables.js';
import type { HubStore } from './hub-store.js';
import { adminUrlOf, type ManagementArguments, ManagementClient } from './management-client.js';

export interface StoreArguments extends ManagementArguments {
  readonly hubs?: string;
}

/** A running service with `--admin` or HUBWIRE_ADMIN_URL; otherwise the file that `start` would read. [MG-051] */
export async function storeOf(args: StoreArguments, env: Environment): Promise<HubStore> {
  const url = args.hubs === undefined || args.admin !== undefined ? adminUrlOf(args, env) : undefined;
  if (url !== undefined) return new ManagementClient(url, args, env);
  const { FileStore } = await import('./file-store.js');
  const file = lookUp('hubs', args, env).text;
  const unused = unusedFile(file, env);
  if (unused !== undefined) process.stderr.write(`${unused.seen}; ${unused.advice}\n`);
  return new FileStore(file, args, env);
}
