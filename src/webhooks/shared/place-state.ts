import type { WebhookEvent } from '../events.js';

/** Something that is occupied or not: a channel, a member of one, a group, a user. */
export interface Place {
  /** Of the source, with what it is the only one of its source. */
  readonly key: string;
  /** What is told of one track is told in order. */
  readonly track: string;
}

/** Who makes a change: the tag of a node, and a number that this node gives to one change only. */
export interface Maker {
  readonly by: string;
  readonly id: number;
}

/** What is told when nobody has come back, and after which wait. Its time is that of the telling. */
export interface Departure {
  readonly lingerMs: number;
  readonly gone: WebhookEvent;
  /** Key of the source. */
  readonly source: string;
}

/** What the nodes know together of a place; none of it when the place is absent. [cluster 6.4] */
export interface PlaceState {
  /** Tags of the nodes on which somebody is there. Empty while it lingers, and until `untold` is told. */
  readonly holders: readonly string[];
  readonly departure: Departure;
  /** It is empty; the node `by` tells that it is gone, unless somebody comes before. Wall clock. */
  readonly linger?: (Maker & { readonly untilMs: number }) | undefined;
  /** Decided, and not known to be kept yet: the node `by` tells it. */
  readonly untold?: Untold | undefined;
  /** Its last message was missed, which is told once until then. Wall clock. */
  readonly miss?: (Maker & { readonly untilMs: number }) | undefined;
}

export interface Untold extends Maker {
  readonly what: 'appeared' | 'gone';
  readonly event: WebhookEvent;
}

export type PlaceChange =
  /** Somebody is there on the node that makes the change, where nobody was. @param appeared undefined: nothing is told of it */
  | { readonly kind: 'came'; readonly departure: Departure; readonly appeared: WebhookEvent | undefined }
  /** Nobody is there on this node any more. */
  | { readonly kind: 'left'; readonly departure: Departure; readonly nowMs: number }
  /** The wait of this node is over. @param linger id of the change with which it began */
  | { readonly kind: 'due'; readonly linger: number }
  /** What this node had to tell is kept. @param id of the change that decided it */
  | { readonly kind: 'told'; readonly untold: number }
  /** There is no last message for somebody who came. */
  | { readonly kind: 'missed'; readonly nowMs: number; readonly untilMs: number }
  /** Nodes are gone; this one does what was left to them. */
  | { readonly kind: 'removed'; readonly isGone: (tag: string) => boolean; readonly nowMs: number };

/**
 * `next`: what is to be kept, undefined for nothing; `unchanged`; `wait`: a node has yet to tell something that comes before.
 */
export type PlaceStep = { readonly next: PlaceState | undefined } | 'unchanged' | 'wait';

/**
 * One change, by one node. Each may be made again when it is not known whether it was kept: it changes nothing then. What the
 * node has to do is seen from the state: what is `untold` by it, and what lingers by it.
 */
export function placeStep(state: PlaceState | undefined, change: PlaceChange, { by, id }: Maker): PlaceStep {
  const maker = { by, id };
  if (state === undefined) return change.kind === 'came' ? { next: appearing(change, maker) } : 'unchanged';
  switch (change.kind) {
    case 'came':
      return came(state, change, maker);
    case 'left':
      return left(state, change, maker);
    case 'due':
      return due(state, change.linger, maker);
    case 'told':
      return told(state, change.untold, maker);
    case 'missed':
      return missed(state, change, maker);
    case 'removed':
      return removed(state, change, maker);
  }
}

type ChangeOf<Kind extends PlaceChange['kind']> = PlaceChange & { kind: Kind };

function appearing({ departure, appeared: event }: ChangeOf<'came'>, maker: Maker): PlaceState {
  const untold = event && ({ ...maker, what: 'appeared', event } as const);
  return { holders: [maker.by], departure, untold };
}

function came(state: PlaceState, change: ChangeOf<'came'>, { by }: Maker): PlaceStep {
  if (state.untold?.what === 'gone') return 'wait';
  if (state.holders.includes(by)) return 'unchanged';
  const { departure } = change;
  return { next: { ...state, departure, holders: [...state.holders, by], linger: undefined } };
}

function left(state: PlaceState, { departure, nowMs }: ChangeOf<'left'>, maker: Maker): PlaceStep {
  if (!state.holders.includes(maker.by)) return 'unchanged';
  const holders = state.holders.filter(tag => tag !== maker.by);
  if (holders.length > 0) return { next: { ...state, holders } };
  return { next: emptied({ ...state, departure }, maker, nowMs) };
}

function emptied({ departure, untold, miss }: PlaceState, maker: Maker, nowMs: number): PlaceState {
  return { holders: [], departure, untold, miss, linger: { ...maker, untilMs: nowMs + departure.lingerMs } };
}

function due({ departure, linger, untold }: PlaceState, id: number, maker: Maker): PlaceStep {
  if (linger?.by !== maker.by || linger.id !== id) return 'unchanged';
  if (untold !== undefined) return 'wait';
  // The miss of its last message ends with it.
  return { next: { holders: [], departure, untold: { ...maker, what: 'gone', event: departure.gone } } };
}

function told(state: PlaceState, id: number, { by }: Maker): PlaceStep {
  const { untold } = state;
  if (untold?.by !== by || untold.id !== id) return 'unchanged';
  return { next: untold.what === 'gone' ? undefined : { ...state, untold: undefined } };
}

function missed(state: PlaceState, { nowMs, untilMs }: ChangeOf<'missed'>, maker: Maker): PlaceStep {
  if (state.miss !== undefined && state.miss.untilMs > nowMs) return 'unchanged';
  return { next: { ...state, miss: { ...maker, untilMs } } };
}

function removed(state: PlaceState, { isGone, nowMs }: ChangeOf<'removed'>, maker: Maker): PlaceStep {
  const { linger, untold } = state;
  const holders = state.holders.filter(tag => !isGone(tag));
  const next: PlaceState = {
    ...state,
    holders,
    linger: linger && isGone(linger.by) ? { ...linger, ...maker } : linger,
    untold: untold && isGone(untold.by) ? { ...untold, ...maker } : untold,
  };
  if (holders.length < state.holders.length && holders.length === 0) return { next: emptied(next, maker, nowMs) };
  return next.linger === linger && next.untold === untold && holders.length === state.holders.length
    ? 'unchanged'
    : { next };
}
