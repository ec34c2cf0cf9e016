import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Connection } from '../../../src/hub/connection.js';
import { Roster } from '../../../src/hub/roster.js';

/** Nothing of a connection is looked at but which one it is. */
const connections = ['a', 'b', 'c'].map(id => ({ id }) as Connection);

test('a first and a last one are told; in between nothing is', () => {
  const [a, b] = connections as [Connection, Connection];
  const roster = new Roster();
  expect([...roster.of('x')]).toEqual([]);
  expect(roster.remove('x', a)).toBe(false);
  expect([roster.add('x', a), roster.add('x', a), roster.add('x', b)]).toEqual([true, false, false]);
  expect([...roster.of('x')]).toEqual([a, b]);
  expect([roster.remove('x', a), roster.remove('x', a), roster.remove('x', b)]).toEqual([false, false, true]);
  expect([...roster.of('x')]).toEqual([]);
});

test('whoever comes and goes, it knows what sets by name know', () => {
  const step = fc.record({
    name: fc.constantFrom('x', 'y'),
    connection: fc.constantFrom(...connections),
    comes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
      const [roster, model] = [new Roster(), { x: new Set<Connection>(), y: new Set<Connection>() }];
      for (const { name, connection, comes } of steps) {
        const known = model[name as 'x' | 'y'];
        if (comes) {
          expect(roster.add(name, connection)).toBe(known.size === 0);
          known.add(connection);
        } else {
          const isLast = known.delete(connection) && known.size === 0;
          expect(roster.remove(name, connection)).toBe(isLast);
        }
        expect(new Set(roster.of(name))).toEqual(known);
      }
    }),
  );
});
