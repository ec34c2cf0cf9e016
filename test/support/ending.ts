import { afterAll } from 'vitest';

/** Takes what has to be ended: with the test, as `onTestFinished` does, or later. */
export type Ending = (end: () => Promise<void>) => void;

/** For what all tests of a `describe`, in which this is called, share: it ends after the last of them, the youngest first. */
export function endOfSuite(): Ending {
  const ends: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  return end => void ends.push(end);
}
