import { StoreOpenError } from '../outbox-error.js';
import type { Lanes } from './lane.js';
import { decodeRow, encodeRow } from './row-codec.js';
import { type Change, endOf, type Tables } from './tables.js';

/** Of the tables and their rows. A change that older programs cannot read gets the next number. */
const formatVersion = 1;

/** Sequence numbers that one start may give before it would meet those of the next. */
const numbersPerStart = 2 ** 32;
const movesPerWrite = 1_000;

const everything = [[''], ['\u{10ffff}']] as const;

/**
 * Reads all rows, and makes claimable what was in delivery, held or a draft when the last process ended: of a key, the
 * earliest first.
 * @returns the sequence number after which this process goes on
 * @throws StoreOpenError, CorruptRow
 */
export async function recover(tables: Tables, lanes: Lanes): Promise<number> {
  const starts = checkVersion(tables) + 1;
  countRows(tables, lanes); // before anything is written
  const meta = encodeRow({ version: formatVersion, starts }, Buffer.alloc(0));
  await tables.write([['meta', ['format'], meta]]);
  await release('held', tables);
  await release('drafts', tables);
  return starts * numbersPerStart;
}

/** @returns how often the store was opened */
function checkVersion(tables: Tables): number {
  const row = tables.get('meta', ['format']);
  if (row === undefined) return 0;
  const { version, starts } = decodeRow<{ version: number; starts: number }>(row).head;
  if (version <= formatVersion) return starts;
  throw new StoreOpenError(
    'newer_version',
    `The outbox was written by a newer version of Hubwire (format ${version}; this one reads up to ${formatVersion}). ` +
      'Start that version, let it deliver what waits, then change back; or give this one another directory.',
  );
}

function countRows(tables: Tables, lanes: Lanes): void {
  const [from, to] = everything;
  for (const table of ['ready', 'drafts', 'held', 'waiting'] as const) {
    for (const [[endpoint], value] of tables.range(table, from, to)) {
      decodeRow(value);
      const lane = lanes.of(endpoint as string);
      if (table === 'waiting') lane.delayed += 1;
      else lane.ready += 1;
    }
  }
  for (const [, value] of tables.range('dead', [0], endOf([]))) {
    lanes.of(decodeRow(value).head.endpoint ?? '').dead += 1;
  }
}

async function release(table: 'held' | 'drafts', tables: Tables): Promise<void> {
  const [from, to] = everything;
  for (;;) {
    const moves: Change[] = [];
    for (const [rowKey, value] of tables.range(table, from, to)) {
      moves.push([table, rowKey, undefined], ['ready', [rowKey[0]!, rowKey.at(-1)!], value]);
      if (moves.length >= movesPerWrite) break;
    }
    if (moves.length === 0) return;
    await tables.write(moves);
  }
}
