import { type BridgeRule, mismatchOf, overlapOf, ruleOf } from '../bridges/rules.js';
import { entryOf } from './apps.js';
import { nearestWord } from './did-you-mean.js';
import { formatPath, type Path, quote } from './problems.js';
import type { AppSettings, BridgeSettings, HubSettings, HubsFile } from './schema/hubs-file.js';

/** What takes the problems of a file. */
interface Problems {
  add(path: Path, reason: string, part: 'key' | 'value'): void;
}

/** The hubs of apps, and what depends on them. Each text of a rule is valid by itself. */
export function checkBridges({ apps, hubs }: HubsFile, problems: Problems): void {
  const known = new KnownHubs(hubs ?? {});
  for (const [index, app] of (apps ?? []).entries()) {
    const path: Path = ['apps', index];
    if (app.hub) checkHub(app.hub, app, path, known, problems);
    else checkHubIsSet(app, path, problems);
    checkRules(app.bridge ?? [], [...path, 'bridge'], problems);
  }
}

function checkHubIsSet({ connect_handler, bridge }: AppSettings, path: Path, problems: Problems): void {
  const needing = connect_handler ? 'connect_handler' : bridge && bridge.length > 0 ? 'bridge' : undefined;
  if (needing === undefined) return;
  problems.add(
    [...path, needing],
    `${quote(needing)} needs a hub: add \`hub\` with the name of one of \`hubs\``,
    'key',
  );
}

function checkHub(
  hub: string,
  { connect_handler }: AppSettings,
  path: Path,
  hubs: KnownHubs,
  problems: Problems,
): void {
  const known = hubs.find(hub);
  if (known === undefined) {
    problems.add([...path, 'hub'], `is not one of \`hubs\`${hubs.suggestion(hub)}`, 'value');
  } else if (connect_handler && !known.takesConnect) {
    const advice = `add \`connect\` to the systemEvents of an event handler of hub ${quote(known.name)}, or remove this key`;
    problems.add([...path, 'connect_handler'], `no event handler receives \`connect\`; ${advice}`, 'key');
  }
}

/** A suggestion is looked for among all hubs, so only for the first apps whose hub is missing. */
const mostSuggestions = 50;

/** The hubs of the file, for many apps. */
class KnownHubs {
  readonly #byName: ReadonlyMap<string, { readonly name: string; readonly takesConnect: boolean }>;
  #suggestions = 0;

  constructor(hubs: NonNullable<HubsFile['hubs']>) {
    const entries = Object.entries(hubs).map(([name, settings]) => {
      return [name.toLowerCase(), { name, takesConnect: takesConnect(settings ?? {}) }] as const;
    });
    this.#byName = new Map(entries);
  }

  /** The name ignores case. */
  find(name: string) {
    return this.#byName.get(name.toLowerCase());
  }

  suggestion(name: string): string {
    this.#suggestions += 1;
    const names = this.#suggestions > mostSuggestions ? [] : [...this.#byName.values()].map(hub => hub.name);
    const near = nearestWord(name, names);
    if (near !== undefined) return `, did you mean ${quote(near)}?`;
    return '; add the hub there, if only as a name without settings';
  }
}

function takesConnect({ eventHandlers }: HubSettings): boolean {
  return (eventHandlers ?? []).some(({ systemEvents }) => systemEvents?.includes('connect'));
}

/** Two rules with a name in common would pass a message on twice, or back to where it came from. */
function checkRules(settings: readonly BridgeSettings[], path: Path, problems: Problems): void {
  const rules = settings.map(each => ruleOf(entryOf(each)));
  const overlaps = earliestOverlaps(rules);
  for (const [index, rule] of rules.entries()) {
    const mismatch = mismatchOf(rule);
    if (mismatch !== undefined) problems.add([...path, index, 'channel'], mismatch, 'value');
    const earlier = overlaps.get(index);
    if (earlier === undefined) continue;
    const side = overlapOf(rules[earlier]!, rule)!;
    const reason = `matches a ${side} that ${formatPath([...path, earlier])} matches too: a message would come back or arrive twice; change or remove one of the rules`;
    problems.add([...path, index, side], reason, 'value');
  }
}

/** For each rule that has a name in common with rules before it, the first of them, by position. */
function earliestOverlaps(rules: readonly BridgeRule[]): ReadonlyMap<number, number> {
  const earliest = new Map<number, number>();
  for (const side of ['channel', 'group'] as const) {
    for (const [one, other] of possibleOverlaps(rules.map(rule => rule[side].beginning))) {
      const [first, later] = one < other ? [one, other] : [other, one];
      const isEarlier = first < (earliest.get(later) ?? Number.POSITIVE_INFINITY);
      if (isEarlier && overlapOf(rules[first]!, rules[later]!) !== undefined) earliest.set(later, first);
    }
  }
  return earliest;
}

/** Pairs of positions: names can only be the same when one of their beginnings begins with the other. */
function* possibleOverlaps(beginnings: readonly string[]): Generator<readonly [number, number]> {
  const sorted = [...beginnings.entries()].sort(([, a], [, b]) => (a < b ? -1 : Number(a > b)));
  /** Those that the current one begins with, each beginning with the one before. */
  const chain: (readonly [number, string])[] = [];
  for (const [index, beginning] of sorted) {
    while (chain.length > 0 && !beginning.startsWith(chain.at(-1)![1])) chain.pop();
    for (const [other] of chain) yield [other, index];
    chain.push([index, beginning]);
  }
}
