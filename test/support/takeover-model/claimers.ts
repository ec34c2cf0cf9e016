import type { Entry } from '../../../src/cluster/entries.js';
import { LedgerReader } from '../../../src/cluster/records.js';
import {
  beginTakeover,
  stepTakeover,
  type TakeoverInput,
  type TakeoverOrder,
  type TakeoverStep,
} from '../../../src/cluster/takeover.js';
import {
  type Append,
  type Claimer,
  claimersEventId,
  claimerTags,
  type Move,
  post,
  transmit,
  type Variant,
  type World,
} from './world.js';

type Carried<Kind extends TakeoverOrder['kind']> = Extract<TakeoverOrder, { kind: Kind }>;

/** What a claimer may do next. It may claim whenever there is a key, however early that is. */
export function claimerMoves(world: World, at: number, variant: Variant): Move[] {
  const claimer = world.claimers[at]!;
  const { takeover, pending } = claimer;
  if (takeover === undefined || takeover.phase === 'done' || takeover.phase === 'lost')
    return begin(world, at, variant);
  if (pending === undefined) return [];
  const answered = (after: World, answer: TakeoverInput) => give(after, at, answer);
  if (pending.order.kind === 'look' || pending.append !== undefined) {
    return transmit(world, claimerTags[at]!, pending.append, variant, answered);
  }
  const [name, after, answer] = carryOut(world, at, pending.order);
  return [{ name: `${claimerTags[at]} ${name}`, world: answered(after, answer) }];
}

/** With the reading of the key: what it then does is on condition of the revision. */
function begin(world: World, at: number, { takeovers }: Variant): Move[] {
  const claimer = world.claimers[at]!;
  if (world.key === undefined || claimer.begun >= takeovers) return [];
  const begun = { ...claimer, begun: claimer.begun + 1, eventIds: {} };
  const step = beginTakeover(world.key.revision, claimer.takeover?.made ?? 0, undefined);
  const reading = put(world, at, obey(begun, at, step));
  return [{ name: `${claimerTags[at]} finds the key`, world: give(reading, at, { kind: 'key', row: world.key }) }];
}

function give(world: World, at: number, input: TakeoverInput): World {
  const claimer = world.claimers[at]!;
  return put(world, at, obey(claimer, at, stepTakeover(claimer.takeover!, input, claimerTags[at]!)));
}

function put(world: World, at: number, claimer: Claimer): World {
  return { ...world, claimers: world.claimers.with(at, claimer) };
}

function obey(claimer: Claimer, at: number, { state, orders }: TakeoverStep): Claimer {
  const [order] = orders;
  const next = { ...claimer, takeover: state };
  // What was removed cannot be read again, which makes no difference here: it is about connections that are done.
  if (order?.kind === 'purge') return obey(next, at, stepTakeover(state, { kind: 'purged' }, claimerTags[at]!));
  if (order?.kind === 'wait') return obey(next, at, stepTakeover(state, { kind: 'waited' }, claimerTags[at]!));
  const append = order?.kind === 'append' ? appendOf(claimer, claimerTags[at]!, order) : undefined;
  return { ...next, pending: order && { order, append } };
}

function appendOf({ eventIds }: Claimer, by: string, { what, ids, number: n, after }: Carried<'append'>): Append {
  const entryOf = (id: string): Entry =>
    what === 'dones' ? { kind: 'done', id } : { kind: 'intent', id, eventId: eventIds[id]! };
  return { by, n, after, entries: ids.map(entryOf) };
}

function carryOut(world: World, at: number, order: TakeoverOrder): [name: string, after: World, answer: TakeoverInput] {
  switch (order.kind) {
    case 'readKey':
      return ['reads the key', world, { kind: 'key', row: world.key }];
    case 'claim': {
      if (world.key?.revision !== order.revision) return ['claims in vain', world, { kind: 'conflict' }];
      const revision = world.revisions + 1;
      const key = { revision, claimedBy: claimerTags[at]! };
      return ['claims', { ...world, key, revisions: revision }, { kind: 'stored', sequence: revision }];
    }
    case 'read':
      return read(world, at, order);
    case 'tell':
      return ['tells', order.ids.reduce((after, id) => tell(after, at, id), world), { kind: 'told' }];
    case 'delete':
      if (world.key?.revision !== order.revision) return ['deletes in vain', world, { kind: 'conflict' }];
      return ['deletes the key', { ...world, key: undefined }, { kind: 'deleted' }];
    default:
      throw new Error(`${order.kind} is carried out elsewhere`);
  }
}

function tell(world: World, at: number, id: string): World {
  return post(world, `disconnected ${id} ${world.claimers[at]!.eventIds[id]!}`);
}

function read(world: World, at: number, { upTo }: Carried<'read'>): [string, World, TakeoverInput] {
  const reader = new LedgerReader();
  for (const [a, { by, n, entries: e }] of world.log.slice(0, upTo).entries()) reader.read({ by, n, a, e });
  const found = [...reader.connections.values()];
  const eventIds = Object.fromEntries(found.map(({ id, eventId }) => [id, eventId ?? claimersEventId]));
  const after = put(world, at, { ...world.claimers[at]!, eventIds });
  return ['reads the ledger', after, { kind: 'read', ids: found.map(({ id }) => id) }];
}
