import { createHash } from 'node:crypto';

/** A lease, as it is stored. [cluster 6.1] */
export interface LeaseRow {
  readonly tag: string;
  readonly revision: number;
  /** The tag of the node that speaks for it; undefined: nobody, it is live or draining. */
  readonly claimedBy: string | undefined;
  /** How long it is, as its node says; undefined: as long as that of the node that reads it. */
  readonly leaseMs?: number | undefined;
}

/** What one node knows of the others' leases. Plain data. */
export interface PeersState {
  /** Monotonic; since when its own renewals and its connection to the store have been good. */
  readonly goodSinceMs: number | undefined;
  /** By tag: since when a revision has been the latest, as far as this node has seen. */
  readonly seen: Readonly<Record<string, { readonly revision: number; readonly sinceMs: number }>>;
}

export type PeersInput =
  /** Its own lease was renewed in time. */
  | { readonly kind: 'good' }
  /** A renewal failed, came late, or the store was lost. */
  | { readonly kind: 'bad' }
  /** All leases that are stored. */
  | { readonly kind: 'scanned'; readonly rows: readonly LeaseRow[] };

export interface PeersStep {
  readonly state: PeersState;
  /** Leases that this node may try to claim, each after a delay. */
  readonly claims: readonly { readonly row: LeaseRow; readonly delayMs: number }[];
  /** Tags whose leases have ended: by whomever, all of their connections is told. */
  readonly gone: readonly string[];
}

export const noPeers: PeersState = { goodSinceMs: undefined, seen: {} };

/** Between the first claims of two nodes. [cluster 6.3] */
const rankDelayMs = 200;

/**
 * Which leases this node may claim: one whose revision has not changed for its length by this node's clock, or whose claimer is
 * claimed itself or gone; and only while its own lease has been good for a lease. One that it has claimed already is among them, as
 * long as it is stored: a takeover that has ended before its end is begun again. [cluster 6.3]
 * @param tag of this node @param nowMs monotonic
 */
export function stepPeers(
  state: PeersState,
  input: PeersInput,
  tag: string,
  nowMs: number,
  leaseMs: number,
): PeersStep {
  switch (input.kind) {
    case 'good':
      return { state: { ...state, goodSinceMs: state.goodSinceMs ?? nowMs }, claims: [], gone: [] };
    case 'bad':
      return { state: { ...state, goodSinceMs: undefined }, claims: [], gone: [] };
    case 'scanned': {
      const scanned = { ...state, seen: seenIn(state.seen, input.rows, nowMs) };
      const isGood = state.goodSinceMs !== undefined && nowMs - state.goodSinceMs >= leaseMs;
      const rows = isGood ? input.rows.filter(row => isClaimable(row, scanned, input.rows, tag, nowMs, leaseMs)) : [];
      const claims = rows.map(row => ({ row, delayMs: delayOf(row.tag, tag, input.rows) }));
      return { state: scanned, claims, gone: Object.keys(state.seen).filter(each => !(each in scanned.seen)) };
    }
  }
}

function seenIn(before: PeersState['seen'], rows: readonly LeaseRow[], nowMs: number): PeersState['seen'] {
  const entries = rows.map(({ tag, revision }) => {
    const known = before[tag];
    return [tag, known?.revision === revision ? known : { revision, sinceMs: nowMs }] as const;
  });
  return Object.fromEntries(entries);
}

function isClaimable(
  { tag: peer, claimedBy, leaseMs: lengthMs }: LeaseRow,
  { seen }: PeersState,
  rows: readonly LeaseRow[],
  tag: string,
  nowMs: number,
  leaseMs: number,
): boolean {
  if (peer === tag) return false;
  if (claimedBy === tag) return true;
  if (claimedBy !== undefined) return !rows.some(row => row.tag === claimedBy && row.claimedBy === undefined);
  return nowMs - seen[peer]!.sinceMs >= (lengthMs ?? leaseMs);
}

/** Nodes try in an order of their own for each tag, so that one is first. */
function delayOf(peer: string, tag: string, rows: readonly LeaseRow[]): number {
  const able = rows.filter(row => row.claimedBy === undefined && row.tag !== peer && row.tag !== tag);
  const own = rankOf(peer, tag);
  return able.filter(row => rankOf(peer, row.tag) < own).length * rankDelayMs;
}

function rankOf(peer: string, tag: string): string {
  return createHash('sha256').update(`${peer} ${tag}`).digest('hex');
}
