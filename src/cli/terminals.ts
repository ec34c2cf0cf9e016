import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * At the end of the process Node gives its terminals back the mode that they had, and crashes where that is not possible: one
 * that was closed. What the process has closed itself is left alone.
 */
export function leaveClosedTerminals(): void {
  const terminals = [0, 1, 2].filter(isatty);
  process.on('exit', () => {
    for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
  });
}
