import fc from 'fast-check';
import { expect, test } from 'vitest';
import { absent, type Occupancy, type OccupancyInput, occupancyStep, present } from '../../../src/webhooks/linger.js';

const lingering: Occupancy = { state: 'lingering', untilMs: 4_000 };
const left: OccupancyInput = { kind: 'lastLeft', nowMs: 1_000, lingerMs: 3_000 };
const leftForGood: OccupancyInput = { kind: 'lastLeft', nowMs: 1_000, lingerMs: 0 };
const came: OccupancyInput = { kind: 'firstCame' };
const due: OccupancyInput = { kind: 'due' };

test.each<[Occupancy, OccupancyInput, Occupancy, string | undefined]>([
  [absent, came, present, 'appeared'],
  [absent, left, absent, undefined],
  [absent, due, absent, undefined],
  [present, came, present, undefined],
  [present, left, lingering, 'schedule'],
  [present, leftForGood, absent, 'gone'],
  [present, due, present, undefined],
  [lingering, came, present, 'cancel'],
  [lingering, left, lingering, undefined],
  [lingering, due, absent, 'gone'],
])('%j and %j', (before, input, next, effect) => {
  expect(occupancyStep(before, input)).toEqual({ next, effect });
});

test('whatever happens, what is told alternates and begins with appeared', () => {
  const inputs = fc.array(fc.constantFrom(came, left, leftForGood, due), { maxLength: 50 });
  fc.assert(
    fc.property(inputs, sequence => {
      let occupancy = absent;
      const told: string[] = [];
      for (const input of sequence) {
        const { next, effect } = occupancyStep(occupancy, input);
        occupancy = next;
        if (effect === 'appeared' || effect === 'gone') told.push(effect);
      }
      expect(told).toEqual(told.map((_, index) => (index % 2 === 0 ? 'appeared' : 'gone')));
    }),
  );
});
