import type { Outcome, Outcomes, Status } from './outcome.js';
import type { Suite } from './suites.js';

export interface Feature {
  readonly name: string;
  readonly about: string;
  /** A failure of this row fails the run. */
  readonly expected: boolean;
}

export interface Run {
  readonly suite: Suite;
  readonly outcomes: Outcomes;
}

export interface Column {
  readonly title: string;
  readonly packages: string;
  readonly needs: string;
  readonly outcomes: Outcomes;
}

/** Suites of one column side by side become one. */
export function columnsOf(runs: readonly Run[]): readonly Column[] {
  return [...new Set(runs.map(({ suite }) => suite.column))].map(title => {
    const its = runs.filter(({ suite }) => suite.column === title);
    return {
      title,
      packages: its.flatMap(({ suite }) => suite.packages).join(', '),
      needs: its
        .map(({ suite }) => suite.needs)
        .filter(needs => needs !== '')
        .join('; '),
      outcomes: new Map(its.flatMap(({ outcomes }) => [...outcomes])),
    };
  });
}

const none: Outcome = { status: 'not run', detail: 'no suite covers it' };
const outcomeOf = (column: Column, feature: Feature) => column.outcomes.get(feature.name) ?? none;

/** Columns and rows that failed though they are expected to pass. */
export function broken(columns: readonly Column[], features: readonly Feature[]): string[] {
  return columns.flatMap(column =>
    features
      .filter(feature => feature.expected && outcomeOf(column, feature).status === 'fail')
      .map(feature => `${column.title}: ${feature.name}: ${outcomeOf(column, feature).detail}`),
  );
}

export function summary(columns: readonly Column[], features: readonly Feature[]): string {
  return columns
    .map(column => {
      const count = (status: Status) => features.filter(feature => outcomeOf(column, feature).status === status).length;
      const counts = (['pass', 'fail', 'not offered', 'not run'] as const).map(status => `${count(status)} ${status}`);
      return `${column.title}: ${counts.join(', ')}`;
    })
    .join('\n');
}

/** What one family's SDKs did. */
export interface Part {
  readonly name: string;
  readonly about: string;
  readonly features: readonly Feature[];
  readonly columns: readonly Column[];
}

/** `docs/conformance.md`. */
export function conformance(parts: readonly Part[], date: string): string {
  return `# Conformance: SDKs of Azure Web PubSub and Pusher

What the vendors' own SDKs, unmodified, do with Hubwire. Written by \`npm run test:sdks\` on ${date}; do not edit by hand.
Each row is one check in \`test/sdks/\`, the same in every language. \`npm run test:sdks:nodes\` runs them all against a [cluster](cluster.md):
clients and REST calls are spread over three nodes, and the same is expected.

| Cell | Meaning |
|---|---|
| pass | the SDK's call had the expected effect at the receiving end |
| **fail** | it had not; the reason is below the table |
| – | the SDK does not offer this operation |
| not run | the SDK or its tools were not available on the machine of this run |

${parts.map(partText).join('\n')}`;
}

function partText({ name, about, features, columns }: Part): string {
  return `## ${name}

${about}

${sdkTable(columns)}

${featureTable(columns, features)}
${notes('Failures', 'fail', columns, features)}${notes('Not run', 'not run', columns, features)}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function sdkTable(columns: readonly Column[]): string {
  const rows = columns.map(({ title, packages, needs }) => [title, packages, needs]);
  return table(['Column', 'SDKs', 'Required in your code'], rows);
}

const cells: Readonly<Record<Status, string>> = {
  pass: 'pass',
  fail: '**fail**',
  'not offered': '–',
  'not run': 'not run',
};

function featureTable(columns: readonly Column[], features: readonly Feature[]): string {
  const rows = features.map(feature => [
    `\`${feature.name}\``,
    feature.about,
    ...columns.map(column => cells[outcomeOf(column, feature).status]),
  ]);
  return table(['Check', 'What is checked', ...columns.map(({ title }) => title)], rows);
}

/** Each different reason once, with the rows it is the reason of. */
function notes(title: string, status: Status, columns: readonly Column[], features: readonly Feature[]): string {
  const lines = columns.flatMap(column => {
    const reasons = new Map<string, string[]>();
    for (const feature of features) {
      const outcome = outcomeOf(column, feature);
      if (outcome.status !== status) continue;
      reasons.set(outcome.detail, [...(reasons.get(outcome.detail) ?? []), feature.name]);
    }
    return [...reasons].map(([reason, names]) => `- ${column.title}, ${namesOf(names)}: ${reason}`);
  });
  return lines.length === 0 ? '' : `\n### ${title}\n\n${lines.join('\n')}\n`;
}

function namesOf(names: readonly string[]): string {
  return names.length > 5 ? `${names.length} checks` : names.map(name => `\`${name}\``).join(', ');
}
