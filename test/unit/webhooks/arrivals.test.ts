import { expect, test } from 'vitest';
import { Arrivals } from '../../../src/webhooks/arrivals.js';
import type { WebhookEvent } from '../../../src/webhooks/events.js';
import type { Occupancies } from '../../../src/webhooks/occupancies.js';
import type { Departure, Place } from '../../../src/webhooks/shared/place-state.js';
import type { Source } from '../../../src/webhooks/sources.js';
import { ManualClock } from '../../support/manual-clock.js';

const eventOf = (name: 'channel_occupied' | 'channel_vacated'): WebhookEvent => ({ name, atMs: 0, channel: 'c' });
const pair = { appeared: eventOf('channel_occupied'), gone: eventOf('channel_vacated') };
const endpoint = { types: new Set(['channel_vacated']), filter: undefined, isEnabled: true };

/** How long each place waits until it is told as gone. */
function waitsOf({ areShared, lingerMs }: { areShared: boolean; lingerMs: number }): number[] {
  const waits: number[] = [];
  const left = (_place: Place, departure: Departure) => void waits.push(departure.lingerMs);
  const arrivals = new Arrivals('app:42', {
    clock: new ManualClock(),
    occupancies: { areShared, left } as unknown as Occupancies,
    source: () => ({ lingerMs, endpoints: [endpoint] }) as unknown as Source,
    emit: () => {},
  });
  arrivals.left({ key: ['c', 'ann'], track: 'c' }, pair);
  arrivals.left({ key: ['c'], track: 'c', isLast: true }, pair);
  return waits;
}

test('[PW-028] a place that is told last waits longer: on several nodes by more than their stores and timers differ', () => {
  expect(waitsOf({ areShared: false, lingerMs: 3_000 })).toEqual([3_000, 3_001]);
  expect(waitsOf({ areShared: true, lingerMs: 3_000 })).toEqual([3_000, 3_250]);
  expect(waitsOf({ areShared: true, lingerMs: 0 })).toEqual([0, 0]);
});
