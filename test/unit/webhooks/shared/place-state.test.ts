import { expect, test } from 'vitest';
import type { WebhookEvent } from '../../../../src/webhooks/events.js';
import { decodePlace, encodePlace } from '../../../../src/webhooks/shared/place-codec.js';
import {
  type Departure,
  type PlaceChange,
  type PlaceState,
  type PlaceStep,
  placeStep,
} from '../../../../src/webhooks/shared/place-state.js';

const appeared: WebhookEvent = { name: 'channel_occupied', atMs: 0, channel: 'c' };
const departure: Departure = {
  lingerMs: 3_000,
  gone: { name: 'channel_vacated', atMs: 0, channel: 'c' },
  source: 'app:42',
};
const me = { by: 'me', id: 7 };

const came: PlaceChange = { kind: 'came', departure, appeared };
const left: PlaceChange = { kind: 'left', departure, nowMs: 1_000 };
const due: PlaceChange = { kind: 'due', linger: 7 };
const told = (untold: number): PlaceChange => ({ kind: 'told', untold });
const missed: PlaceChange = { kind: 'missed', nowMs: 1_000, untilMs: 61_000 };
const removed: PlaceChange = { kind: 'removed', isGone: tag => tag === 'dead', nowMs: 1_000 };

const miss = { by: 'other', id: 1, untilMs: 9 };
const appearing = (by: string, id = 3) => ({ by, id, what: 'appeared', event: appeared }) as const;
const going = (by: string, id = 3) => ({ by, id, what: 'gone', event: departure.gone }) as const;
const heldBy = (...holders: string[]): PlaceState => ({ holders, departure });
const lingering = (by: string, untilMs = 4_000, id = 7): PlaceState => ({
  holders: [],
  departure,
  untold: undefined,
  linger: { by, id, untilMs },
});

test.each<[string, PlaceState | undefined, PlaceChange, PlaceStep]>([
  ['the first one appears', undefined, came, { next: { ...heldBy('me'), untold: appearing('me', 7) } }],
  ['who has left nothing leaves nothing', undefined, left, 'unchanged'],
  ['another one is no news', heldBy('other'), came, { next: { ...heldBy('other', 'me'), linger: undefined } }],
  ['made twice is made once', heldBy('other', 'me'), came, 'unchanged'],
  ['who comes back is no news', lingering('other'), came, { next: { ...heldBy('me'), untold: undefined } }],
  ['who comes after the end waits until it is told', { ...heldBy(), untold: going('other') }, came, 'wait'],
  ['also until this node has told it', { ...heldBy(), untold: going('me') }, came, 'wait'],
  ['some are left', heldBy('other', 'me'), left, { next: heldBy('other') }],
  ['the last one leaves', heldBy('me'), left, { next: lingering('me') }],
  ['who is not there does not leave', heldBy('other'), left, 'unchanged'],
  ['a miss lingers too', { ...heldBy('me'), miss }, left, { next: { ...lingering('me'), miss } }],
  ['the end of a miss', { ...lingering('me'), miss }, due, { next: { ...heldBy(), untold: going('me', 7) } }],
  ['nobody came back', lingering('me'), due, { next: { ...heldBy(), untold: going('me', 7) } }],
  ['that wait is over', lingering('me', 4_000, 6), due, 'unchanged'],
  ['another node waits', lingering('other'), due, 'unchanged'],
  ['somebody came back', heldBy('other'), due, 'unchanged'],
  ['the end is told after the beginning', { ...lingering('me'), untold: appearing('me') }, due, 'wait'],
  ['the beginning is told', { ...heldBy('me'), untold: appearing('me') }, told(3), { next: heldBy('me') }],
  ['the end is told', { ...heldBy(), untold: going('me') }, told(3), { next: undefined }],
  ['another change decided it', { ...heldBy(), untold: going('me') }, told(4), 'unchanged'],
  ['another node has to tell it', { ...heldBy(), untold: going('other') }, told(3), 'unchanged'],
  ['a miss', heldBy('me'), missed, { next: { ...heldBy('me'), miss: { ...me, untilMs: 61_000 } } }],
  ['the same miss', { ...heldBy('me'), miss: { by: 'other', id: 1, untilMs: 1_001 } }, missed, 'unchanged'],
  [
    'a new miss',
    { ...heldBy('me'), miss: { by: 'other', id: 1, untilMs: 1_000 } },
    missed,
    { next: { ...heldBy('me'), miss: { ...me, untilMs: 61_000 } } },
  ],
  ['a dead node with others', heldBy('dead', 'other'), removed, { next: heldBy('other') }],
  ['a dead node alone', heldBy('dead'), removed, { next: lingering('me') }],
  ['what a dead node waited for', lingering('dead', 2_000), removed, { next: lingering('me', 2_000) }],
  [
    'what a dead node had to tell',
    { ...heldBy('dead'), untold: appearing('dead') },
    removed,
    { next: { ...lingering('me'), untold: appearing('me', 7) } },
  ],
  ['nothing of it', { ...lingering('other'), untold: appearing('other') }, removed, 'unchanged'],
])('%s', (_what, state, change, step) => {
  expect(placeStep(state, change, me)).toEqual(step);
});

test('what is kept is read as it was', () => {
  const state = { ...lingering('me'), untold: appearing('me'), miss: { ...me, untilMs: 5 } };
  const place = { key: '["app:42","é\\n"]', track: 'app:42 é', state };
  expect(decodePlace(encodePlace(place))).toEqual(place);
});

test.each([
  ['', 'nothing'],
  ['{', 'no JSON'],
  ['[]', 'no object'],
  ['{"v":2}', 'another version'],
  ['{"v":1,"key":"k","track":"t","holders":[1],"departure":{"lingerMs":1,"source":"s","gone":{}}}', 'no tags'],
  ['{"v":1,"key":"k","track":"t","holders":[],"departure":{"lingerMs":"1","source":"s","gone":{}}}', 'no number'],
  [
    '{"v":1,"key":"k","track":"t","holders":[],"departure":{"lingerMs":1,"source":"s","gone":{}},"linger":{}}',
    'nobody',
  ],
])('%s is not a place: %s', text => {
  expect(decodePlace(Buffer.from(text))).toBeUndefined();
});
