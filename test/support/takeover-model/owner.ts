import { type AppendOrder, type AppendStep, stepAppends, took } from '../../../src/cluster/append.js';
import type { Entry } from '../../../src/cluster/entries.js';
import {
  type Append,
  type Life,
  type Move,
  type Owner,
  ownerTag,
  post,
  timeless,
  transmit,
  type Variant,
  type World,
} from './world.js';

/** What the owner may do next: its clients come and go, it posts, and the store answers. */
export function ownerMoves(world: World, variant: Variant): Move[] {
  if (world.owner.appends.phase === 'sealed') return [];
  return [...world.owner.lives.flatMap((_, at) => lifeMoves(world, at, variant)), ...answerMoves(world, variant)];
}

function lifeMoves(world: World, at: number, { hasNoIntents = false }: Variant): Move[] {
  const id = `c${at}`;
  const eventId = 3 + at;
  const go = (name: string, life: Life, entry?: Entry, after = world): Move[] => {
    const owner = { ...after.owner, lives: after.owner.lives.with(at, life) };
    return [{ name, world: { ...after, owner: entry === undefined ? owner : add(owner, entry) } }];
  };
  switch (world.owner.lives[at]) {
    case 'none':
      return go(`${id} opens`, 'opening', { kind: 'open', hub: 'h', id, userId: undefined, subprotocol: undefined });
    case 'opened':
      return go(`connected of ${id}`, 'connected', undefined, post(world, `connected ${id}`));
    case 'connected':
      if (hasNoIntents) return go(`${id} leaves`, 'ended');
      return go(`${id} leaves`, 'ending', { kind: 'intent', id, eventId });
    case 'ended':
      return go(`disconnected of ${id}`, 'over', { kind: 'done', id }, post(world, `disconnected ${id} ${eventId}`));
    default:
      return [];
  }
}

function add(owner: Owner, entry: Entry): Owner {
  const queued = { ...owner, queue: [...owner.queue, entry] };
  return obey(queued, stepAppends(owner.appends, { kind: 'added', entries: 1, isUrgent: true }, 0));
}

function obey(owner: Owner, { state, orders }: AppendStep): Owner {
  return orders.reduce(follow, { ...owner, appends: timeless(state) });
}

function follow(owner: Owner, order: AppendOrder): Owner {
  switch (order.kind) {
    case 'append': {
      const { queue: made } = owner;
      const append = appendOf(order, made);
      return { ...owner, appends: took(owner.appends, made.length), queue: [], made, pending: { order, append } };
    }
    case 'repeat':
      return { ...owner, pending: { order, append: appendOf(order, owner.made) } };
    case 'look':
      return { ...owner, pending: { order, append: undefined } };
    case 'settled':
      return owner.made.reduce(settle, owner);
    case 'sealed':
      return { ...owner, queue: [], made: [], pending: undefined };
    case 'wait':
      return obey(owner, stepAppends(owner.appends, { kind: 'tick' }, 0));
  }
}

function appendOf({ number, after }: { number: number; after: number }, entries: readonly Entry[]): Append {
  return { by: ownerTag, n: number, after, entries };
}

/** The rule of the ledger: each event waits for its entry. [cluster 6.1] */
function settle(owner: Owner, { kind, id }: Entry): Owner {
  const at = Number(id.slice(1));
  if (kind === 'open') return { ...owner, lives: owner.lives.with(at, 'opened') };
  if (kind === 'intent') return { ...owner, lives: owner.lives.with(at, 'ended') };
  return owner;
}

function answerMoves(world: World, variant: Variant): Move[] {
  const { pending } = world.owner;
  if (pending === undefined) return [];
  return transmit(world, ownerTag, pending.append, variant, (after, answer) => {
    const free = { ...after.owner, pending: undefined };
    return { ...after, owner: obey(free, stepAppends(free.appends, answer, 0)) };
  });
}
