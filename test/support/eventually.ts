import { vi } from 'vitest';

/** Tries the check until it passes: 15 s are for a busy machine, where a second is not enough. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 15_000 });
}
