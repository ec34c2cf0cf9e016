import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../../support/doc-pages.js';
import { roomImports } from '../../support/import-graph.js';

const page = readFileSync(join(repository, 'docs/architecture.md'), 'utf8');
const rows = rowsOf(page);
const rooms = Object.keys(roomImports).filter(isThere);

/** Room → its entries in the column of allowed imports, as `roomImports` writes them. */
function rowsOf(markdown: string): Map<string, string[]> {
  const cells = markdown.matchAll(/^\| `([\w-]+)(?:\.ts|\/)` \|[^|]*\| ([^|]*) \|$/gm);
  return new Map([...cells].map(([, room = '', cell = '']) => [room, cell === 'nothing' ? [] : entriesOf(cell)]));
}

function entriesOf(cell: string): string[] {
  return cell.split(', ').map(entry => entry.replaceAll('`', '').replace(/^(.+) types$/, 'types of $1'));
}

function isThere(room: string): boolean {
  return existsSync(join(repository, 'src', room)) || existsSync(join(repository, 'src', `${room}.ts`));
}

/** The room of an entry such as `types of hub` or `hub/roles.ts`. */
function roomOfEntry(entry: string): string {
  return entry.replace('types of ', '').split('/')[0]!;
}

test('the rooms of the program are known', () => {
  expect(rooms).toEqual(expect.arrayContaining(['hub', 'protocols', 'service', 'errors']));
});

describe('the table of docs/architecture.md', () => {
  test('has a row for every room, and no other', () => {
    expect([...rows.keys()].sort()).toEqual([...rooms].sort());
  });

  test.each(rooms)('allows %s the imports that the import checker allows it, and no others', room => {
    const allowed = (roomImports[room] ?? []).filter(entry => isThere(roomOfEntry(entry)));
    expect(rows.get(room)?.toSorted()).toEqual(allowed.toSorted());
  });
});

test('the reader of the table tells rooms, types and single files apart', () => {
  const table = [
    '| Module | Responsibility | Allowed imports |',
    '|---|---|---|',
    '| `logging.ts` | the log (`pino`) | hub types, `hub/roles.ts`, line-budget |',
    '| `frames/` | frames | nothing |',
  ];
  expect(rowsOf(table.join('\n'))).toEqual(
    new Map([
      ['logging', ['types of hub', 'hub/roles.ts', 'line-budget']],
      ['frames', []],
    ]),
  );
});
