import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { PubSubError } from '../../errors.js';

/** Only its owner reads it. */
const ownerOnly = 0o600;
const keyBytes = 32;

/**
 * Writes a new key to a file that a service may be reading: it has the old key or the new one at any time. [MG-015]
 * @throws PubSubError `conflict` when it cannot be written
 */
export async function writeKeyFile(file: string): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', ownerOnly);
    try {
      await handle.writeFile(`${randomBytes(keyBytes).toString('base64')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new PubSubError(
      'conflict',
      `${file} cannot be written (${code}), and the key is as before; check its folder`,
      { cause },
    );
  }
}
