import { deadChange } from './dead-rows.js';
import { keyDigest, type Lane } from './lane.js';
import { envelopeOf } from './row-claims.js';
import { decodeRow } from './row-codec.js';
import { type Change, endOf, type RowKey, type Tables } from './tables.js';

const slice = 500;

export interface End {
  readonly reason: string;
  readonly diedAtMs: number;
}

type LivingTable = 'ready' | 'held' | 'waiting';

/** All of an endpoint that is not in delivery becomes dead letters. No claim may be under way. @returns how many */
export async function buryLane(tables: Tables, lane: Lane, end: End): Promise<number> {
  let count = 0;
  for (const table of ['ready', 'held', 'waiting'] as const) {
    for (let rows = untaken(tables, table, lane); rows.length > 0; rows = untaken(tables, table, lane)) {
      await buryRows(tables, table, lane, rows, end);
      count += rows.length;
    }
  }
  return count;
}

function untaken(tables: Tables, table: LivingTable, { endpoint, taken }: Lane): [RowKey, Buffer][] {
  const found: [RowKey, Buffer][] = [];
  for (const [key, value] of tables.range(table, [endpoint], endOf([endpoint]))) {
    if (!taken.has(seqOf(key))) found.push([key, value]);
    if (found.length === slice) break;
  }
  return found;
}

async function buryRows(
  tables: Tables,
  table: LivingTable,
  lane: Lane,
  rows: readonly [RowKey, Buffer][],
  end: End,
): Promise<void> {
  if (table === 'ready') lane.ahead.seen(seqOf(rows.at(-1)![0]));
  await tables.write(rows.flatMap(([key, value]) => burial(table, lane.endpoint, key, value, end)));
  if (table === 'waiting') lane.delayed -= rows.length;
  else lane.ready -= rows.length;
  lane.dead += rows.length;
}

function burial(table: LivingTable, endpoint: string, key: RowKey, value: Buffer, end: End): Change[] {
  const { head, content } = decodeRow(value);
  const { attempts = 0, history = [] } = head;
  const letter = { ...envelopeOf(endpoint, head, content), ...end, attempts, history };
  const changes: Change[] = [[table, key, undefined], deadChange(letter, seqOf(key))];
  if (table === 'waiting' && head.key !== undefined) {
    changes.push(['blocked', [endpoint, keyDigest(head.key)], undefined]);
  }
  return changes;
}

function seqOf(key: RowKey): number {
  return key.at(-1) as number;
}
