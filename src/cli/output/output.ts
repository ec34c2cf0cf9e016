import { printable } from '../printable.js';
import { UsageError } from '../usage-error.js';
import { tableOf } from './table.js';
import { tsvOf } from './tsv.js';

export const outputFormats = ['json', 'jsonc', 'table', 'tsv', 'yaml', 'none'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** The flags that every verb of the vendor's tool has. [management 2.1] */
export interface OutputArguments {
  readonly output?: OutputFormat;
  readonly json?: boolean;
  readonly query?: string;
  readonly onlyShowErrors?: boolean;
  readonly debug?: boolean;
}

/** What a verb did. */
export interface Outcome {
  /** As a program reads it; undefined: nothing is printed. */
  readonly result: unknown;
  /** The same for a person, in 80 columns; without it, a table of the result's plain values. */
  readonly lines?: readonly string[];
  /** One sentence of what changed. [MG-056] */
  readonly sentence?: string;
}

/**
 * Prints the result, in the format that was chosen; by default a table at a terminal, and JSON otherwise. With a table goes
 * one sentence of what changed, on standard error. [MG-055]
 * @throws UsageError for a query that cannot be read
 */
export async function printOutcome({ result, lines, sentence }: Outcome, args: OutputArguments): Promise<void> {
  const format = formatOf(args);
  const found = args.query === undefined ? result : await search(result, args.query);
  const text =
    args.query === undefined && format === 'table' && lines
      ? joined(lines.map(printable))
      : await textOf(found, format);
  process.stdout.write(text);
  if (format === 'table' && sentence !== undefined && args.onlyShowErrors !== true) {
    process.stderr.write(`${sentence}\n`);
  }
}

function formatOf({ output, json = false }: OutputArguments): OutputFormat {
  if (output !== undefined) return output;
  return process.stdout.isTTY === true && !json ? 'table' : 'json';
}

async function search(result: unknown, query: string): Promise<unknown> {
  const { queried } = await import('./query.js');
  try {
    return queried(result ?? null, query);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--query ${query}: ${reason.split('\n', 1)[0]}; it is an expression of JMESPath`);
  }
}

/** As `az` does, nothing is printed where there is nothing. */
async function textOf(value: unknown, format: OutputFormat): Promise<string> {
  if (value === undefined || value === null) return '';
  switch (format) {
    case 'none':
      return '';
    case 'json':
      return jsonOf(value);
    case 'jsonc':
      return process.stdout.isTTY === true && process.stdout.hasColors() ? coloured(jsonOf(value)) : jsonOf(value);
    case 'yaml':
      return (await import('./yaml.js')).yamlOf(sorted(value));
    case 'tsv':
      return tsvOf(value);
    case 'table':
      return joined(tableOf(value).map(printable));
  }
}

function jsonOf(value: unknown): string {
  return `${JSON.stringify(sorted(value), null, 2)}\n`;
}

/** Keys in order of the alphabet, as `az` prints them. [management 2.1] */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

const colours = { key: '\u001b[34;1m', text: '\u001b[33m', other: '\u001b[36m', none: '\u001b[0m' };

function coloured(json: string): string {
  return json.replace(
    /("(?:[^"\\]|\\.)*")(:)?|\b(?:true|false|null|-?\d[\d.eE+-]*)\b/g,
    (token, text: string | undefined, colon: string | undefined) =>
      text === undefined
        ? `${colours.other}${token}${colours.none}`
        : `${colon ? colours.key : colours.text}${text}${colours.none}${colon ?? ''}`,
  );
}

function joined(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('');
}
