import { equal, none, type Row, shown } from '../soak/checks/row.js';
import type { Told } from './app.js';
import type { FaultName } from './faults.js';

/** What was seen from outside, once everything has settled. */
export interface Seen {
  /** By connection id. */
  readonly told: ReadonlyMap<string, Told>;
  /** Ids of connections that clients have now. */
  readonly open: ReadonlySet<string>;
  /** Do nodes speak for one that is dead? */
  readonly hasTakeover: boolean;
  /** Clients that are not connected. */
  readonly away: number;
  readonly clients: number;
  /** Of messages that were sent through each node at the end: how many clients got each. */
  readonly reached: readonly (readonly [node: string, clients: number])[];
  /** Ids that a node does not have right: `node: id is 404, and open`. */
  readonly wrongExistence: readonly string[];
  readonly disorder: readonly string[];
  /** Lines at level error of the nodes' logs. */
  readonly errors: readonly string[];
  readonly slowStops: readonly string[];
  /** How long the audit itself did not get to run. */
  readonly standstillMs: number;
  readonly faults: ReadonlyMap<FaultName, number>;
  readonly accepted: number;
  readonly refused: number;
  readonly messages: number;
}

/** Is it as promised? */
export function rowsOf(seen: Seen): Row[] {
  const told = [...seen.told];
  const ended = told.filter(([id]) => !seen.open.has(id));
  const withoutEnd = ended.filter(([, { disconnected }]) => disconnected.size === 0);
  const many = told.filter(([, { disconnected }]) => disconnected.size > 1);
  const openButTold = told.filter(([id, { disconnected }]) => seen.open.has(id) && disconnected.size > 0);
  return [
    shown('faults', [...seen.faults].map(([name, count]) => `${name} ${count}`).join(', ')),
    shown('load', `${seen.accepted} sends accepted, ${seen.refused} refused, ${seen.messages} messages received`),
    shown('machine', `stood still for ${Math.round(seen.standstillMs / 1_000)} s in all, as seen from here`),
    equal('clients are back', [
      ['connected', seen.clients - seen.away],
      ['clients', seen.clients],
    ]),
    ...seen.reached.map(([node, count]) =>
      equal(`a message through ${node}`, [
        ['reached', count],
        ['clients', seen.clients],
      ]),
    ),
    endless(withoutEnd.map(idOf), seen.hasTakeover),
    none('a connection with two disconnected', many.map(idOf)),
    none('an open connection with disconnected', openButTold.map(idOf)),
    none('connected after disconnected', told.filter(([, { isOutOfOrder }]) => isOutOfOrder).map(idOf)),
    none('a connection with two connected', told.filter(([, { connected }]) => connected.size > 1).map(idOf)),
    none(
      'an open connection without connected',
      [...seen.open].filter(id => (seen.told.get(id)?.connected.size ?? 0) === 0),
    ),
    none('existence by REST', seen.wrongExistence),
    none('order and repetition of messages', seen.disorder),
    none('a stop that took too long', seen.slowStops),
    none('errors in the logs', seen.errors),
  ];
}

/** Where nodes do not speak for each other, those of nodes that were killed have none. */
function endless(ids: readonly string[], hasTakeover: boolean): Row {
  const row = none('a connection that ended without disconnected', ids);
  return hasTakeover ? row : { ...row, isOk: undefined };
}

function idOf([id]: readonly [string, Told]): string {
  return id;
}
