/**
 * Appends to a ledger by one writer, each on condition of the ledger's last record, one under way at a time. What waits
 * meanwhile goes into the next one. Plain data. [cluster 6.1]
 */
export interface AppendState {
  readonly phase: 'idle' | 'underWay' | 'unsure' | 'sealed';
  /** Sequence of the ledger's last record, as far as this writer knows; 0: there is none. */
  readonly after: number;
  /** Number of the last record that this writer has made. */
  readonly made: number;
  /** Entries that are in no record yet. */
  readonly waiting: number;
  /** Monotonic; until then what waits may wait. */
  readonly dueMs: number;
  /** Monotonic; nothing is sent before. */
  readonly notBeforeMs: number;
  /** Monotonic: since when the store has not had the last record of this writer, nor one after it; undefined: it has. */
  readonly lostSinceMs: number | undefined;
}

export type AppendInput =
  /** `isUrgent`: somebody waits until it is stored. */
  | { readonly kind: 'added'; readonly entries: number; readonly isUrgent: boolean }
  | { readonly kind: 'tick' }
  | { readonly kind: 'stored'; readonly sequence: number }
  /** Something else is the last record. */
  | { readonly kind: 'conflict' }
  /** No answer: it may be stored. */
  | { readonly kind: 'failed' }
  /** The ledger's last record; `number` is that of a record of this writer, undefined: somebody else's, or none. */
  | { readonly kind: 'last'; readonly sequence: number; readonly number: number | undefined }
  /** The store has neither the last record that was stored nor one after it. */
  | { readonly kind: 'lost' };

export type AppendOrder =
  /** Makes a record of what waits, and sends it: see `took`. */
  | { readonly kind: 'append'; readonly number: number; readonly after: number }
  /** Sends the record with this number once more. */
  | { readonly kind: 'repeat'; readonly number: number; readonly after: number }
  /** Reads the last record. */
  | { readonly kind: 'look' }
  /** What is in this record is stored. */
  | { readonly kind: 'settled'; readonly number: number }
  /** Somebody has sealed the ledger, or the store has lost it: nothing is stored any more. */
  | { readonly kind: 'sealed' }
  /** Gives a tick after so many milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number };

export interface AppendStep {
  readonly state: AppendState;
  readonly orders: readonly AppendOrder[];
}

/** Between the starts of two appends. [CL-061] */
const gapMs = 1;

/** For so long what nobody waits for may wait for what somebody does. */
const patienceMs = 20;

/** After an append without an answer. */
const retryMs = 100;

/** Longer than a new leader of the stream needs until it has all records: what is missing then is lost for good. */
const lostMs = 10_000;

/**
 * @param after sequence of the ledger's last record; 0: there is none
 * @param made number of the last record that this writer has made before, in any ledger
 */
export function newAppends(after: number, made = 0): AppendState {
  const nothing = { waiting: 0, dueMs: Number.POSITIVE_INFINITY };
  return { phase: 'idle', after, made, ...nothing, notBeforeMs: Number.NEGATIVE_INFINITY, lostSinceMs: undefined };
}

/** The record of the `append` order has so many of the waiting entries. */
export function took(state: AppendState, entries: number): AppendState {
  const waiting = state.waiting - entries;
  return { ...state, waiting, dueMs: waiting === 0 ? Number.POSITIVE_INFINITY : state.dueMs };
}

/** One step. @param nowMs monotonic */
export function stepAppends(state: AppendState, input: AppendInput, nowMs: number): AppendStep {
  if (state.phase === 'sealed') return { state, orders: [] };
  switch (input.kind) {
    case 'added':
      return begin(added(state, input.entries, nowMs + (input.isUrgent ? 0 : patienceMs)), nowMs);
    case 'tick':
      return state.phase === 'unsure' ? lookIfDue(state, nowMs) : begin(state, nowMs);
    case 'stored':
      return settle(state, input.sequence, nowMs);
    case 'conflict':
      return look(state);
    case 'failed':
      return pause({ ...state, phase: 'unsure', notBeforeMs: nowMs + retryMs }, retryMs);
    case 'last':
      return onLast({ ...state, lostSinceMs: undefined }, input.sequence, input.number, nowMs);
    case 'lost':
      return onLost(state, nowMs);
  }
}

function added(state: AppendState, entries: number, dueMs: number): AppendState {
  return { ...state, waiting: state.waiting + entries, dueMs: Math.min(state.dueMs, dueMs) };
}

function begin(state: AppendState, nowMs: number): AppendStep {
  if (state.phase !== 'idle' || state.waiting === 0) return { state, orders: [] };
  const fromMs = Math.max(state.notBeforeMs, state.dueMs);
  if (nowMs < fromMs) return pause(state, fromMs - nowMs);
  const number = state.made + 1;
  const next: AppendState = { ...state, phase: 'underWay', made: number, notBeforeMs: nowMs + gapMs };
  return { state: next, orders: [{ kind: 'append', number, after: state.after }] };
}

function settle(state: AppendState, sequence: number, nowMs: number): AppendStep {
  const next = begin({ ...state, phase: 'idle', after: sequence }, nowMs);
  return { state: next.state, orders: [{ kind: 'settled', number: state.made }, ...next.orders] };
}

function lookIfDue(state: AppendState, nowMs: number): AppendStep {
  return nowMs < state.notBeforeMs ? pause(state, state.notBeforeMs - nowMs) : look(state);
}

/** The answer of `look`, or its failure, comes next. */
function look(state: AppendState): AppendStep {
  return { state: { ...state, phase: 'underWay' }, orders: [{ kind: 'look' }] };
}

function onLast(state: AppendState, sequence: number, number: number | undefined, nowMs: number): AppendStep {
  if (number === state.made) return settle(state, sequence, nowMs);
  if (sequence !== state.after) return seal(state);
  return { state, orders: [{ kind: 'repeat', number: state.made, after: state.after }] };
}

/** Nothing could ever be stored behind it: the ledger counts as sealed in the end. */
function onLost(state: AppendState, nowMs: number): AppendStep {
  const { lostSinceMs = nowMs } = state;
  if (nowMs - lostSinceMs >= lostMs) return seal(state);
  return pause({ ...state, phase: 'unsure', notBeforeMs: nowMs + retryMs, lostSinceMs }, retryMs);
}

function seal(state: AppendState): AppendStep {
  return { state: { ...state, phase: 'sealed' }, orders: [{ kind: 'sealed' }] };
}

function pause(state: AppendState, ms: number): AppendStep {
  return { state, orders: [{ kind: 'wait', ms }] };
}
