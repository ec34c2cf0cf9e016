import { type AppendOrder, type AppendState, newAppends } from '../../../src/cluster/append.js';
import type { Entry } from '../../../src/cluster/entries.js';
import type { TakeoverOrder, TakeoverState } from '../../../src/cluster/takeover.js';

/** What is explored. */
export interface Variant {
  readonly connections: number;
  /** Answers of the store that are lost, in all. */
  readonly lost: number;
  /** Takeovers that each claimer begins. */
  readonly takeovers: number;
  /** Broken: every append is stored, whatever the last record is. */
  readonly isUnconditional?: boolean;
  /** Broken: the owner posts `disconnected` without an intent. */
  readonly hasNoIntents?: boolean;
}

export interface StoredRecord {
  readonly by: string;
  readonly n: number;
  readonly entries: readonly Entry[];
}

/** On its way to the store. */
export interface Append extends StoredRecord {
  readonly after: number;
}

export type AppendAnswer =
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'conflict' | 'failed' }
  | { readonly kind: 'last'; readonly sequence: number; readonly number: number | undefined };

/** What an actor waits for. That the answer is slow makes no difference: what the actor does next may be slow as well. */
export interface Pending<Order> {
  readonly order: Order;
  readonly append: Append | undefined;
}

/** How far the owner is with one of its connections. */
export type Life = 'none' | 'opening' | 'opened' | 'connected' | 'ending' | 'ended' | 'over';

export interface Owner {
  readonly appends: AppendState;
  readonly queue: readonly Entry[];
  /** The record that was made last. */
  readonly made: readonly Entry[];
  readonly lives: readonly Life[];
  readonly pending: Pending<AppendOrder> | undefined;
}

export interface Claimer {
  readonly begun: number;
  readonly takeover: TakeoverState | undefined;
  readonly pending: Pending<TakeoverOrder> | undefined;
  /** By connection: the `ce-id` to use, as this claimer has read the ledger. */
  readonly eventIds: Readonly<Record<string, number>>;
}

export interface World {
  /** The key of the owner's lease. */
  readonly key: { readonly revision: number; readonly claimedBy: string | undefined } | undefined;
  readonly revisions: number;
  readonly log: readonly StoredRecord[];
  /** An append whose sender has given it up, and that may still arrive. */
  readonly stray: Append | undefined;
  readonly owner: Owner;
  readonly claimers: readonly Claimer[];
  /** What the upstream was sent, each text once, sorted. */
  readonly posts: readonly string[];
  readonly lost: number;
}

export interface Move {
  readonly name: string;
  readonly world: World;
}

export const ownerTag = 'x';
export const claimerTags = ['a', 'b'] as const;

/** The `ce-id` of a `disconnected` by a claimer, where the owner has not named one. */
export const claimersEventId = 2_147_483_647;

/** The owner is live: its key is stored, and its ledger is begun. */
export function firstWorld({ connections }: Variant): World {
  return {
    key: { revision: 1, claimedBy: undefined },
    revisions: 1,
    log: [{ by: ownerTag, n: 1, entries: [] }],
    stray: undefined,
    owner: {
      appends: timeless(newAppends(1, 1)),
      queue: [],
      made: [],
      lives: Array.from({ length: connections }, (): Life => 'none'),
      pending: undefined,
    },
    claimers: claimerTags.map(() => ({ begun: 0, takeover: undefined, pending: undefined, eventIds: {} })),
    posts: [],
    lost: 0,
  };
}

/** Time stands still: what may be sent later may be sent now, and is slow instead. */
export function timeless(appends: AppendState): AppendState {
  return { ...appends, notBeforeMs: 0 };
}

export function post(world: World, text: string): World {
  return world.posts.includes(text) ? world : { ...world, posts: [...world.posts, text].toSorted() };
}

/** An append arrives at the store. */
function store(world: World, { after, ...record }: Append, { isUnconditional = false }: Variant) {
  if (!isUnconditional && after !== world.log.length) return { world, answer: { kind: 'conflict' } as const };
  const log = [...world.log, record];
  return { world: { ...world, log }, answer: { kind: 'stored', sequence: log.length } as const };
}

function lastOf({ log }: World, tag: string): AppendAnswer {
  const last = log.at(-1);
  return { kind: 'last', sequence: log.length, number: last?.by === tag ? last.n : undefined };
}

/** An append, or a look at the last record, arrives and is answered; or its answer is lost; or it arrives later than its sender waits. */
export function transmit(
  world: World,
  who: string,
  append: Append | undefined,
  variant: Variant,
  answered: (after: World, answer: AppendAnswer) => World,
): Move[] {
  if (append === undefined)
    return [{ name: `${who} reads the last record`, world: answered(world, lastOf(world, who)) }];
  const arrived = store(world, append, variant);
  const moves = [{ name: `${who} appends: ${arrived.answer.kind}`, world: answered(arrived.world, arrived.answer) }];
  if (world.lost >= variant.lost) return moves;
  const lost = world.lost + 1;
  moves.push({
    name: `${who} appends, without an answer`,
    world: answered({ ...arrived.world, lost }, { kind: 'failed' }),
  });
  moves.push({ name: `${who} appends, late`, world: answered({ ...world, lost, stray: append }, { kind: 'failed' }) });
  return moves;
}

export function strayMoves(world: World, variant: Variant): Move[] {
  if (world.stray === undefined) return [];
  return [
    { name: 'the late append arrives', world: { ...store(world, world.stray, variant).world, stray: undefined } },
  ];
}
