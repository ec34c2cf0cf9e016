/**
 * One node speaks for another that is gone: it claims the lease, seals the ledger, and tells what is left to be told. Every
 * step is a conditional write, so that two that try do not both go on. Plain data. [cluster 6.3]
 */
export interface TakeoverState {
  readonly phase: TakeoverPhase;
  /** After which a claim that was stored is confirmed; undefined: it needs not be, it has no rival. */
  readonly confirmMs: number | undefined;
  /** Of the key, as this node saw it or wrote it. */
  readonly revision: number;
  /** Sequence of the ledger's last record. */
  readonly after: number;
  /** Number of the last record that this node has made, in any ledger. */
  readonly made: number;
  /** Ids of connections of which something is left to be told. */
  readonly left: readonly string[];
  /** Those that are being told of, the first ones of `left`. */
  readonly batch: readonly string[];
}

export type TakeoverPhase =
  | 'checking'
  | 'claiming'
  | 'confirming'
  | 'sealing'
  | 'reading'
  | 'intending'
  | 'telling'
  | 'finishing'
  | 'purging'
  | 'deleting'
  | 'done'
  /** The node is live after all, or another node speaks for it. */
  | 'lost';

export type TakeoverInput =
  /** The key; undefined: there is none. */
  | {
      readonly kind: 'key';
      readonly row: { readonly revision: number; readonly claimedBy: string | undefined } | undefined;
    }
  /** The write of the key or the append that was under way is stored. */
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'conflict' }
  /** What was under way has no answer: it may be done. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'waited' }
  /** The ledger's last record; `number` when this node wrote it. Sequence 0: there is none. */
  | { readonly kind: 'last'; readonly sequence: number; readonly number: number | undefined }
  /** The ledger up to the seal: connections of which something is left to be told. */
  | { readonly kind: 'read'; readonly ids: readonly string[] }
  | { readonly kind: 'told' }
  | { readonly kind: 'purged' | 'deleted' };

export type TakeoverOrder =
  | { readonly kind: 'readKey' }
  | { readonly kind: 'claim'; readonly revision: number }
  /** Reads the ledger's last record. */
  | { readonly kind: 'look' }
  | {
      readonly kind: 'append';
      readonly what: 'seal' | 'intents' | 'dones';
      readonly ids: readonly string[];
      readonly number: number;
      readonly after: number;
    }
  | { readonly kind: 'read'; readonly upTo: number }
  /** Tells what is left of these connections; ends when it is told, or given up. */
  | { readonly kind: 'tell'; readonly ids: readonly string[] }
  /** Removes the records before this one, which stays: an append on condition of an older one must fail. */
  | { readonly kind: 'purge'; readonly before: number }
  | { readonly kind: 'delete'; readonly revision: number }
  | { readonly kind: 'wait'; readonly ms: number };

export interface TakeoverStep {
  readonly state: TakeoverState;
  readonly orders: readonly TakeoverOrder[];
}

/** Connections that are told of at the same time. [cluster 6.3] */
const batchSize = 200;

const retryMs = 250;

/**
 * @param revision of the lease that may be claimed @param made number of the last record that this node has made
 * @param confirmMs as of the state
 */
export function beginTakeover(revision: number, made: number, confirmMs: number | undefined): TakeoverStep {
  const state: TakeoverState = { phase: 'checking', confirmMs, revision, after: 0, made, left: [], batch: [] };
  return { state, orders: [{ kind: 'readKey' }] };
}

/** One step. @param tag of the node that takes over */
export function stepTakeover(state: TakeoverState, input: TakeoverInput, tag: string): TakeoverStep {
  switch (input.kind) {
    case 'key':
      return onKey(state, input.row, tag);
    case 'stored':
      return onStored(state, input.sequence);
    case 'conflict':
      return isWritingKey(state) ? askFor(state, { kind: 'readKey' }) : askFor(state, { kind: 'look' });
    case 'failed':
      return askFor(state, { kind: 'wait', ms: retryMs });
    case 'waited':
      return askFor(state, againOf(state));
    case 'last':
      return onLast(state, input.sequence, input.number);
    case 'read':
      return nextBatch({ ...state, left: input.ids, batch: [] });
    case 'told':
      return append({ ...state, phase: 'finishing' }, 'dones');
    case 'purged':
      return askFor({ ...state, phase: 'deleting' }, { kind: 'delete', revision: state.revision });
    case 'deleted':
      return end(state, 'done');
  }
}

function isWritingKey({ phase }: TakeoverState): boolean {
  return phase === 'checking' || phase === 'claiming' || phase === 'confirming' || phase === 'deleting';
}

/** What finds out, or does again, what has no answer. */
function againOf(state: TakeoverState): TakeoverOrder {
  if (isWritingKey(state)) return { kind: 'readKey' };
  if (state.phase === 'reading') return { kind: 'read', upTo: state.after };
  if (state.phase === 'purging') return { kind: 'purge', before: state.after };
  return { kind: 'look' };
}

type Row = { readonly revision: number; readonly claimedBy: string | undefined };

function onKey(state: TakeoverState, row: Row | undefined, tag: string): TakeoverStep {
  if (state.phase === 'deleting') {
    if (row?.revision !== state.revision) return end(state, 'done');
    return askFor(state, { kind: 'delete', revision: state.revision });
  }
  if (row === undefined) return end(state, 'lost');
  if (state.phase === 'confirming') return isSame(row, state, tag) ? seal(state) : end(state, 'lost');
  if (row.claimedBy === tag) return claimed({ ...state, revision: row.revision });
  if (row.revision !== state.revision) return end(state, 'lost');
  return askFor({ ...state, phase: 'claiming' }, { kind: 'claim', revision: row.revision });
}

function isSame(row: Row, { revision }: TakeoverState, tag: string): boolean {
  return row.claimedBy === tag && row.revision === revision;
}

function claimed(state: TakeoverState): TakeoverStep {
  const { confirmMs } = state;
  return confirmMs === undefined
    ? seal(state)
    : askFor({ ...state, phase: 'confirming' }, { kind: 'wait', ms: confirmMs });
}

function seal(state: TakeoverState): TakeoverStep {
  return askFor({ ...state, phase: 'sealing', made: state.made + 1 }, { kind: 'look' });
}

function onStored(state: TakeoverState, sequence: number): TakeoverStep {
  switch (state.phase) {
    case 'claiming':
      return claimed({ ...state, revision: sequence });
    case 'sealing':
      return askFor({ ...state, phase: 'reading', after: sequence }, { kind: 'read', upTo: sequence });
    case 'intending':
      return askFor({ ...state, phase: 'telling', after: sequence }, { kind: 'tell', ids: state.batch });
    default:
      return nextBatch({ ...state, after: sequence, left: state.left.slice(state.batch.length), batch: [] });
  }
}

/** An own record was stored whose answer was lost; nothing was; or somebody else has written. */
function onLast(state: TakeoverState, sequence: number, number: number | undefined): TakeoverStep {
  if (number === state.made) return onStored(state, sequence);
  if (state.phase === 'sealing') return repeat({ ...state, after: sequence }, 'seal');
  if (sequence !== state.after) return end(state, 'lost');
  return repeat(state, state.phase === 'intending' ? 'intents' : 'dones');
}

function nextBatch(state: TakeoverState): TakeoverStep {
  if (state.left.length === 0) {
    return askFor({ ...state, phase: 'purging' }, { kind: 'purge', before: state.after });
  }
  return append({ ...state, phase: 'intending', batch: state.left.slice(0, batchSize) }, 'intents');
}

function append(state: TakeoverState, what: 'intents' | 'dones'): TakeoverStep {
  return repeat({ ...state, made: state.made + 1 }, what);
}

function repeat(state: TakeoverState, what: 'seal' | 'intents' | 'dones'): TakeoverStep {
  const { made: number, after, batch } = state;
  return askFor(state, { kind: 'append', what, ids: batch, number, after });
}

function end(state: TakeoverState, phase: 'done' | 'lost'): TakeoverStep {
  return { state: { ...state, phase }, orders: [] };
}

function askFor(state: TakeoverState, order: TakeoverOrder): TakeoverStep {
  return { state, orders: [order] };
}
