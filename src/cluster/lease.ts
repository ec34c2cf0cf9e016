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
  /** Since when it is to be confirmed: a write came so late that another node may have claimed the lease at the same moment. */
  readonly doubtedAt: Reading | undefined;
}

export type LeaseInput =
  /** Time has passed; also to be given at the first input of each turn. */
  | { readonly kind: 'tick' }
  /** `mayHaveRival`: so may another write on the same condition be. */
  | { readonly kind: 'stored'; readonly revision: number; readonly mayHaveRival: boolean }
  /** Something else is stored. */
  | { readonly kind: 'conflict' }
  /** No answer: it may be stored. */
  | { readonly kind: 'failed' }
  /** What is stored, as `read` has found it. */
  | { readonly kind: 'found'; readonly row: FoundLease | undefined }
  /** The same, as `confirm` has. */
  | { readonly kind: 'confirmed'; readonly row: FoundLease | undefined }
  | { readonly kind: 'reached' }
  /** Somebody has sealed the ledger. */
  | { readonly kind: 'sealed' }
  /** Other streams are in the place of those that this node goes by. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'drain' }
  /** Nothing is left to be told of this node's connections. */
  | { readonly kind: 'drained' };

/** Undefined: nothing is stored. */
export interface FoundLease {
  readonly revision: number;
  readonly isOwn: boolean;
}

export type LeaseOrder =
  /** Writes the key: the first time when there is no revision, else on condition of the revision. */
  | { readonly kind: 'write'; readonly revision: number | undefined }
  | { readonly kind: 'read' }
  | { readonly kind: 'confirm' }
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
const confirmShare = 1 / 20;
const mostConfirmMs = 1_000;

export const newLease: LeaseState = {
  phase: 'starting',
  isDraining: false,
  isReached: false,
  revision: undefined,
  sentAt: undefined,
  goodAt: undefined,
  pausedAt: undefined,
  doubtedAt: undefined,
};

/** May clients' requests be carried out, and events be posted? */
export function mayAct({ phase }: LeaseState): boolean {
  return phase === 'live' || phase === 'serving';
}

/** Milliseconds since the last renewal that was acknowledged was sent: the larger of both readings. */
export function leaseAgeMs({ goodAt }: LeaseState, now: Reading): number {
  return goodAt === undefined ? Number.POSITIVE_INFINITY : since(goodAt, now);
}

/**
 * A store of several servers may acknowledge two writes of a lease that have the same condition, as it may with ledgers: a renewal that was late,
 * and a claim. Whoever reads the lease so much later finds the one of them that counts. [cluster 6.1]
 */
export function confirmMsOf(leaseMs: number): number {
  return Math.min(mostConfirmMs, confirmShare * leaseMs);
}

/** One step of a node's lease: what it is now, and what is to be done for it, in this order. [cluster 6.2] */
export function stepLease(state: LeaseState, input: LeaseInput, now: Reading, rules: LeaseRules): LeaseStep {
  if (state.phase === 'fenced' || state.phase === 'gone') return { state, orders: [] };
  switch (input.kind) {
    case 'tick':
      return onTick(state, now, rules);
    case 'stored':
      return onStored(state, input, now, rules);
    case 'conflict':
      return { state, orders: [{ kind: 'read' }] };
    case 'failed':
      return { state: { ...state, sentAt: undefined }, orders: [] };
    case 'found':
      return found(state, input.row);
    case 'confirmed':
      return input.row?.isOwn === true
        ? trust({ ...found(state, input.row).state, doubtedAt: undefined }, now, rules)
        : found(state, input.row);
    case 'reached':
      return enliven({ ...state, isReached: true }, now, rules);
    case 'sealed':
      return enter(state, 'fenced', 'another node has sealed its ledger, or the store has lost it');
    case 'replaced':
      return enter(state, 'fenced', 'NATS has lost what nodes store there');
    case 'drain':
      return drain({ ...state, isDraining: true }, now);
    case 'drained':
      return leave(state);
  }
}

function onTick(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  const aged = age(state, now, rules);
  const order = dueOrder(aged.state, now, rules);
  if (order === undefined) return aged;
  return { state: { ...aged.state, sentAt: now }, orders: [...aged.orders, order] };
}

function age(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  const { leaseMs } = rules;
  const ageMs = leaseAgeMs(state, now);
  if (state.phase === 'live' && ageMs >= pauseShare * leaseMs) return pause(state, ageMs, now, rules);
  if (state.phase === 'paused' && since(state.pausedAt!, now) >= isolationLeases * leaseMs) {
    return enter(state, 'isolated', `it has been paused for ${Math.round(since(state.pausedAt!, now))} ms`);
  }
  return { state, orders: [] };
}

function pause(state: LeaseState, ageMs: number, now: Reading, { onIsolation }: LeaseRules): LeaseStep {
  const phase = onIsolation === 'serve' ? 'serving' : 'paused';
  return enter({ ...state, pausedAt: now }, phase, `its lease was not renewed for ${Math.round(ageMs)} ms`);
}

function dueOrder(
  { sentAt, goodAt, doubtedAt, revision }: LeaseState,
  now: Reading,
  { leaseMs }: LeaseRules,
): LeaseOrder | undefined {
  if (sentAt !== undefined) return undefined;
  if (doubtedAt !== undefined) return since(doubtedAt, now) < confirmMsOf(leaseMs) ? undefined : { kind: 'confirm' };
  const isDue = goodAt === undefined || since(goodAt, now) >= renewalShare * leaseMs;
  return isDue ? { kind: 'write', revision } : undefined;
}

/** In time, no other node could claim the lease before it was stored. */
function onStored(
  state: LeaseState,
  { revision, mayHaveRival }: Extract<LeaseInput, { kind: 'stored' }>,
  now: Reading,
  rules: LeaseRules,
): LeaseStep {
  const isLate = state.goodAt !== undefined && !isFresh(state, now, rules);
  const next: LeaseState = { ...state, revision, goodAt: state.sentAt, sentAt: undefined };
  if (!isLate || !mayHaveRival) return trust(next, now, rules);
  const doubted = { ...next, doubtedAt: state.doubtedAt ?? now };
  return state.phase === 'live' ? pause(doubted, leaseAgeMs(state, now), now, rules) : { state: doubted, orders: [] };
}

/** A renewal that was stored late proves nothing about now: the age decides. */
function trust(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  if (state.phase === 'starting') return enliven(state, now, rules);
  if (state.phase === 'live' || !isSure(state, now, rules)) return { state, orders: [] };
  return enter({ ...state, pausedAt: undefined }, 'live', 'its lease is renewed');
}

function enliven(state: LeaseState, now: Reading, rules: LeaseRules): LeaseStep {
  if (state.phase !== 'starting' || !state.isReached || !isSure(state, now, rules)) return { state, orders: [] };
  return enter(state, 'live', 'its lease is stored, its ledger is begun, and its peers know of it');
}

function isSure(state: LeaseState, now: Reading, rules: LeaseRules): boolean {
  return state.doubtedAt === undefined && isFresh(state, now, rules);
}

function isFresh(state: LeaseState, now: Reading, { leaseMs }: LeaseRules): boolean {
  return leaseAgeMs(state, now) < pauseShare * leaseMs;
}

/** An own write was stored whose answer was lost; or the key is another node's now. */
function found(state: LeaseState, row: FoundLease | undefined): LeaseStep {
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
  const entered = enter(state, 'gone', 'it has stopped, and none of its connections is left to report');
  const deletion: LeaseOrder[] = state.revision === undefined ? [] : [{ kind: 'delete', revision: state.revision }];
  return { state: entered.state, orders: [...deletion, ...entered.orders] };
}

function enter(state: LeaseState, phase: LeasePhase, why: string): LeaseStep {
  return { state: { ...state, phase }, orders: [{ kind: 'entered', phase, why }] };
}

function since(then: Reading, now: Reading): number {
  return Math.max(now.monotonicMs - then.monotonicMs, now.wallMs - then.wallMs);
}
