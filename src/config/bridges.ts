import { mismatchOf, overlapOf, ruleOf } from '../bridges/rules.js';
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
  for (const [index, app] of (apps ?? []).entries()) {
    const path: Path = ['apps', index];
    if (app.hub) checkHub(app.hub, app, path, hubs ?? {}, problems);
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
  hubs: NonNullable<HubsFile['hubs']>,
  problems: Problems,
): void {
  const names = Object.keys(hubs);
  const known = names.find(name => name.toLowerCase() === hub.toLowerCase());
  if (known === undefined) {
    problems.add([...path, 'hub'], `is not one of \`hubs\`${suggestion(hub, names)}`, 'value');
  } else if (connect_handler && !takesConnect(hubs[known] ?? {})) {
    const advice = `add \`connect\` to the systemEvents of an event handler of hub ${quote(known)}, or remove this key`;
    problems.add([...path, 'connect_handler'], `no event handler receives \`connect\`; ${advice}`, 'key');
  }
}

function suggestion(hub: string, names: readonly string[]): string {
  const near = names.length === 0 ? undefined : nearestWord(hub, names);
  if (near !== undefined) return `, did you mean ${quote(near)}?`;
  return '; add the hub there, if only as a name without settings';
}

function takesConnect({ eventHandlers }: HubSettings): boolean {
  return (eventHandlers ?? []).some(({ systemEvents }) => systemEvents?.includes('connect'));
}

/** Two rules with a name in common would pass a message on twice, or back to where it came from. */
function checkRules(settings: readonly BridgeSettings[], path: Path, problems: Problems): void {
  const rules = settings.map(each => ruleOf(entryOf(each)));
  for (const [index, rule] of rules.entries()) {
    const mismatch = mismatchOf(rule);
    if (mismatch !== undefined) problems.add([...path, index, 'channel'], mismatch, 'value');
    const earlier = rules.findIndex((other, at) => at < index && overlapOf(other, rule) !== undefined);
    if (earlier < 0) continue;
    const side = overlapOf(rules[earlier]!, rule)!;
    const reason = `matches a ${side} that ${formatPath([...path, earlier])} matches too: a message would come back or arrive twice; change or remove one of the rules`;
    problems.add([...path, index, side], reason, 'value');
  }
}
