import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PubSubError } from '../errors.js';

/** @param needs what needs the folder, as `a nats-server needs` @throws PubSubError `invalid` where none can be made, as in a read-only container */
export async function temporaryFolder(prefix: string, needs: string): Promise<string> {
  const parent = tmpdir();
  try {
    return await mkdtemp(join(parent, prefix));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const what = `${needs} a temporary folder, and none can be made in ${parent} (${code})`;
    const todo = 'mount a tmpfs on /tmp, or set TMPDIR to a folder that this process may write';
    throw new PubSubError('invalid', `${what}: ${todo}`, { cause });
  }
}
