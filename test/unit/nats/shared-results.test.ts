import type { KV } from '@nats-io/kv';
import { expect, test } from 'vitest';
import { SharedResults } from '../../../src/nats/shared-results.js';
import { ManualClock } from '../../support/manual-clock.js';

/** A bucket of one key, and what is written to it. */
function memoryBucket() {
  const written: { readonly state: string; readonly by?: string }[] = [];
  const write = async (text: string) => written.push(JSON.parse(text));
  const values = {
    get: async () =>
      written.length === 0
        ? null
        : { operation: 'PUT', revision: written.length, string: () => JSON.stringify(written.at(-1)) },
    create: (_key: string, text: string) => write(text),
    update: (_key: string, text: string) => write(text),
  };
  return { written, values: values as unknown as KV };
}

test('[CL-112] work is claimed under the tag that the node has at that moment: one that is fenced gets another', async () => {
  const { written, values } = memoryBucket();
  let tag = 'first';
  const results = new SharedResults({ clock: new ManualClock(), values: async () => values, tag: () => tag });
  const isNever = (_value: unknown): _value is string => false;
  await results.get('subject', async () => 'a', isNever);
  tag = 'second';
  await results.get('subject', async () => 'b', isNever);
  expect(written.filter(({ state }) => state === 'working').map(({ by }) => by)).toEqual(['first', 'second']);
});
