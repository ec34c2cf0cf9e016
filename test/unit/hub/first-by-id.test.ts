import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FirstById } from '../../../src/hub/first-by-id.js';

test('[F2] the first by id are those of a sort', () => {
  const ids = fc.uniqueArray(fc.string({ maxLength: 3 }));
  fc.assert(
    fc.property(ids, fc.nat(20), (all, limit) => {
      const first = new FirstById<{ id: string }>(limit, ({ id }) => id);
      for (const id of all) first.add({ id });
      expect(first.items.map(({ id }) => id)).toEqual([...all].sort().slice(0, limit));
    }),
  );
});
