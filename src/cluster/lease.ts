/** Both readings of the clock: either may stand still while the machine is suspended. */
export interface Reading {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * What a node may do. `serving` is `paused` with `onIsolation: serve`; `isolated`: paused for so long that its clients are
 * closed; `fenced`: others speak for it. [cluster 6.2]
 */
export type LeasePhase = 'starting' | 'live' | 'paused' | 'serving' | 'isolated' | 'fenced' | 'gone';

export interface LeaseRules {
  readonly leaseMs: number;
  readonly onIsolation: 'pause' | 'serve';
}

/** The lease of one tag. Plain data. */
export interface LeaseState {
  readonly phase: LeasePhase;
  readonly isDraining: boolean;
  /** Its ledger is begun, and every peer knows of it. */
  readonly isReached: boolean;
  /** Of the key, as far as this node knows; undefined: not stored yet. */
  readonly revision: number | undefined;
  /** When the write that is under way was sent. */
  readonly sentAt: Reading | undefined;
  /** When the last write that was acknowledged was sent. */
  readonly goodAt: Reading | undefined;
  readonly pausedAt: Reading | undefined;
}

export type LeaseInput =
  /** Time has passed; also to be given at the first input of each turn. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'stored'; readonly revision: number }
  /** Something else is stored. */
  | { readonly kind: 'conflict' }
  /** No answer: it may be stored. */
  | { readonly kind: 'failed' }
  /** What is stored; undefined: nothing. */
  | { readonly kind: 'found'; readonly row: { readonly revision: number; readonly isOwn: boolean } | undefined }
  | { readonly kind: 'reached' }
  /** Somebody has sealed the ledger. */
  | { readonly kind: 'sealed' }
  | { readonly kind: 'drain' }
  /** Nothing is left to be told of this node's connections. */
  | { readonly kind: 'drained' };

export type LeaseOrder =
  /** Writes the key: the first time when there is no revision, else on condition of the revision. */
  | { readonly kind: 'write'; readonly revision: number | undefined }
  | { readonly kind: 'read' }
  | { readonly kind: 'delete'; readonly revision: number }
  | { readonly kind: 'entered'; readonly phase: LeasePhase; readonly why: string };

export interface LeaseStep {
  readonly state: LeaseState;
  readonly orders: readonly LeaseOrder[];
}

/** Shares of a lease. [cluster 6.1, 6.2] */
const renewalShare = 1 / 5;
const pauseShare = 0.8;
const isolationLeases = 2;

export const newLease: LeaseState = {
  phase: 'starting',
  isDraining: false,
  isReached: false,
  revision: undefined,
  sentAt: undefined,
  goodAt: undefined,
  pausedAt: undefined,
};

/** May clients' requests be carried out, and events be posted? */
export function mayAct({ phase }: LeaseState): boolean {
  return phase === 'live' || phase === 'serving';
}

/** Milliseconds since the last renewal that was acknowledged was sent: the larger of both readings. */
export function leaseAgeMs({ goodAt }: LeaseState, now: Reading): number {
  return goodAt === undefined ? Number.POSITIVE_INFINITY : since(goodAt, now);
}

/** One step of a node's lease: what it is now, and what is to be done for it, in this order. [cluster 6.2] */
export function stepLease(state: LeaseState, input: LeaseInput, now: Reading, rules: LeaseRules): LeaseStep {
  if (state.phase === 'fenced' || state.phase === 'gone') return { state, orders: [] };
  switch (input.kind) {
    case 'tick':
      return onTick(state, now, rules);
    case 'stored':
      return stored({ ...state, revision: input.revision, goodAt: state.sentAt, sentAt: undefined }, now, rules);
    case 'conflict':
      return { state, orders: [{ kind: 'read' }] };
    case 'failed':
      return { state: { ...state, sentAt: undefined }, orders: [] };
    case 'found':
      return found(state, input.row);
    case 'reached':
      return enliven({ ...state, isReached: true }, now, rules);
    case 'sealed':
      return enter(state, 'fenced', 'another node has sealed its ledger, or the store has lost it');
    case 'drain':
      return drain({ ...state, isDraining: true }, now);
    case 'drained':
      return leave(state);
  }
}

function onTick(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  const aged = age(state, now, rules);
  return { state: renew(aged.state, now, rules), orders: [...aged.orders, ...renewalOf(aged.state, now, rules)] };
}

function age(state: LeaseState, now: Reading, { leaseMs, onIsolation }: LeaseRules): LeaseStep {
  const ageMs = leaseAgeMs(state, now);
  if (state.phase === 'live' && ageMs >= pauseShare * leaseMs) {
    const phase = onIsolation === 'serve' ? 'serving' : 'paused';
    return enter({ ...state, pausedAt: now }, phase, `its lease was not renewed for ${Math.round(ageMs)} ms`);
  }
  if (state.phase === 'paused' && since(state.pausedAt!, now) >= isolationLeases * leaseMs) {
    return enter(state, 'isolated', `it has been paused for ${Math.round(since(state.pausedAt!, now))} ms`);
  }
  return { state, orders: [] };
}

function isRenewalDue({ sentAt, goodAt }: LeaseState, now: Reading, { leaseMs }: LeaseRules): boolean {
  return sentAt === undefined && (goodAt === undefined || since(goodAt, now) >= renewalShare * leaseMs);
}

function renew(state: LeaseState, now: Reading, rules: LeaseRules): LeaseState {
  return isRenewalDue(state, now, rules) ? { ...state, sentAt: now } : state;
}

function renewalOf(state: LeaseState, now: Reading, rules: LeaseRules): LeaseOrder[] {
  return isRenewalDue(state, now, rules) ? [{ kind: 'write', revision: state.revision }] : [];
}

/** A renewal that was stored late proves nothing about now: the age decides. */
function stored(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  if (state.phase === 'starting') return enliven(state, now, rules);
  if (state.phase === 'live' || !isFresh(state, now, rules)) return { state, orders: [] };
  return enter({ ...state, pausedAt: undefined }, 'live', 'its lease is renewed');
}

function enliven(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  if (state.phase !== 'starting' || !state.isReached || !isFresh(state, now, rules)) return { state, orders: [] };
  return enter(state, 'live', 'its lease is stored, its ledger is begun, and its peers know of it');
}

function isFresh(state: LeaseState, now: Reading, { leaseMs }: LeaseRules): boolean {
  return leaseAgeMs(state, now) < pauseShare * leaseMs;
}

/** An own write was stored whose answer was lost; or the key is another node's now. */
function found(state: LeaseState, row: { readonly revision: number; readonly isOwn: boolean } | undefined): LeaseStep {
  if (row?.isOwn === true) return { state: { ...state, revision: row.revision, sentAt: undefined }, orders: [] };
  if (row === undefined && state.revision === undefined) {
    return { state: { ...state, sentAt: undefined }, orders: [] };
  }
  return enter(state, 'fenced', row === undefined ? 'its lease is gone' : 'another node has claimed its lease');
}

/** The key says so at once, unless a write is under way: then the next one does. */
function drain(state: LeaseState, now: Reading): LeaseStep {
  if (state.sentAt !== undefined || state.revision === undefined) return { state, orders: [] };
  return { state: { ...state, sentAt: now }, orders: [{ kind: 'write', revision: state.revision }] };
}

function leave(state: LeaseState): LeaseStep {
  const entered = enter(state, 'gone', 'it has stopped, and nothing is left to be told');
  const deletion: LeaseOrder[] = state.revision === undefined ? [] : [{ kind: 'delete', revision: state.revision }];
  return { state: entered.state, orders: [...deletion, ...entered.orders] };
}

function enter(state: LeaseState, phase: LeasePhase, why: string): LeaseStep {
  return { state: { ...state, phase }, orders: [{ kind: 'entered', phase, why }] };
}

function since(then: Reading, now: Reading): number {
  return Math.max(now.monotonicMs - then.monotonicMs, now.wallMs - then.wallMs);
}
