import { isDeepStrictEqual } from 'node:util';
import type { TSchema } from '@sinclair/typebox';
import { isAlias, isCollection, isMap, type Pair, visit, type YAMLMap } from 'yaml';
import { PubSubError } from '../../errors.js';
import { changeOfValue, isMapping, isSame, lastOf, type Mapping, refuseMerge } from './next-change.js';
import { blockValue, flowValue } from './render.js';
import { significantSettings } from './significance.js';
import { insertAfter, removeEntry, replaceValue } from './splices.js';
import { applySplices, indexOfKey, isBlank, type Place, rangeOf, type Splice, YamlText } from './yaml-text.js';

/** A mapping of the file: `['hubs', 'chat']`, with the spelling of the file. */
export type SettingsPath = readonly [string, ...string[]];

/** More differences than this, each of which takes a parse of the file, and the value is written anew. */
const mostChanges = 24;

/**
 * A valid hubs.yaml with other settings at a path, or without them. Changes what differs; all other bytes stay, comments,
 * order, blank lines and quotes included. The same text when nothing differs in what it means. Each step parses the file once
 * at most.
 * @param settings undefined: taken out
 * @throws PubSubError `conflict` when the form of the file does not allow it: the settings are an alias, are merged, or
 * have an anchor that other parts use
 */
export function* editing(
  before: YamlText,
  path: SettingsPath,
  schema: TSchema,
  settings: Mapping | undefined,
): Generator<void, YamlText, void> {
  const wanted = settings && significantSettings(schema, settings);
  refuseSharedForm(before, path);
  if (isThere(before, path, schema, wanted)) return before;
  const marks = marksIn(before, path);
  // In one piece, an alias would be replaced by what it stands for.
  for (const edit of marks.aliases.length > 0 ? [changeByChange] : [changeByChange, inOnePiece]) {
    const after = yield* edit(before, path, schema, wanted);
    if (after !== undefined && isRight(before, after, path, schema, wanted)) return after;
  }
  throw new PubSubError('conflict', reasonOf(marks));
}

/** The settings as they stand in the file; undefined: they are not there. */
export function settingsAt(yaml: YamlText, path: SettingsPath): unknown {
  return path.reduce<unknown>(
    (tree, key) => (isMapping(tree) && Object.hasOwn(tree, key) ? tree[key] : undefined),
    yaml.tree,
  );
}

// ------------------------------------------------------------------------------------------------------------- edits

/** Undefined: the differences are too many, or the text was no longer valid on the way. */
function* changeByChange(before: YamlText, path: SettingsPath, schema: TSchema, wanted: Mapping | undefined) {
  let yaml = before;
  for (let count = 0; count <= mostChanges; count += 1) {
    if (!yaml.isSound) return undefined;
    const current = yaml;
    const splices = nextSplices(current, path, wanted, place => changeOfValue(current, place, schema, wanted));
    if (splices === undefined) return current;
    yield;
    yaml = withSplices(current, splices);
  }
  return undefined;
}

function* inOnePiece(yaml: YamlText, path: SettingsPath, _schema: TSchema, wanted: Mapping | undefined) {
  const splices = nextSplices(yaml, path, wanted, place => replaceValue(yaml, place, wanted));
  yield;
  return splices && withSplices(yaml, splices);
}

/** A last line that is new ends with a line break, or it would look truncated. */
function withSplices(yaml: YamlText, splices: readonly Splice[]): YamlText {
  const text = applySplices(yaml.text, splices);
  const isEndNew = splices.some(({ end }) => end === yaml.text.length);
  const isOpen = isEndNew && !text.endsWith('\n') && !isFlow(yaml.document.contents);
  return new YamlText(isOpen ? text + yaml.layout.newline : text);
}

function isFlow(node: unknown): boolean {
  return isCollection(node) && node.flow === true;
}

/** @param change of settings that are there */
function nextSplices(
  yaml: YamlText,
  path: SettingsPath,
  wanted: Mapping | undefined,
  change: (place: Place) => readonly Splice[] | undefined,
): readonly Splice[] | undefined {
  let map = yaml.document.contents as unknown;
  for (const [depth, name] of path.entries()) {
    if (!isMap(map)) return undefined;
    const rest = path.slice(depth + 1);
    if (map.items.length === 0) return wanted && fillRoot(yaml, nested(path, wanted));
    const index = indexOfKey(map, key => key === name);
    if (index < 0) return wanted && insertAfter(yaml, lastOf(map), { key: name, value: nested(rest, wanted) });
    const place: Place = { parent: map, index };
    const value = (map.items[index] as Pair).value;
    if (rest.length === 0) return wanted ? change(place) : removeSettings(yaml, path, place);
    if (isEmpty(value)) return wanted && replaceValue(yaml, place, nested(rest, wanted));
    map = value;
  }
  return undefined;
}

/** The last one leaves `{}` behind. */
function removeSettings(yaml: YamlText, path: SettingsPath, place: Place): readonly Splice[] {
  if (place.parent.items.length > 1) return removeEntry(yaml, place);
  const parent = placeOf(yaml, path.slice(0, -1));
  if (parent === undefined) return [contentsSplice(yaml, '{}')];
  if (place.parent.flow === true) return replaceValue(yaml, parent, {});
  const mark = yaml.markEnd(parent);
  return [...removeEntry(yaml, place), { start: mark, end: mark, text: ' {}' }];
}

/** Into `{}`, which is all that the file has. */
function fillRoot(yaml: YamlText, value: unknown): readonly Splice[] {
  const { layout } = yaml;
  return [contentsSplice(yaml, layout.isJson ? flowValue(value, 0, layout) : blockValue(value, 0, layout))];
}

function contentsSplice(yaml: YamlText, text: string): Splice {
  const [start, end] = rangeOf(yaml.document.contents);
  return { start, end, text };
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

function isEmpty(node: unknown): boolean {
  return isBlank(node) || (isCollection(node) && node.items.length === 0);
}

function placeOf(yaml: YamlText, path: readonly string[]): Place | undefined {
  let place: Place | undefined;
  let node: unknown = yaml.document.contents;
  for (const name of path) {
    const index = isMap(node) ? indexOfKey(node, key => key === name) : -1;
    if (index < 0) return undefined;
    place = { parent: node as YAMLMap, index };
    node = (node as YAMLMap).items[index]?.value;
  }
  return place;
}

// ------------------------------------------------------------------------------------------------------------ checks

/** @throws PubSubError `conflict` for an alias or a merge key on the way, or for the settings themselves */
function refuseSharedForm(yaml: YamlText, path: SettingsPath): void {
  let node: unknown = yaml.document.contents;
  for (const name of path) {
    if (isAlias(node)) throw new PubSubError('conflict', `it is written as the alias \`*${node.source}\``);
    if (!isMap(node)) return;
    const index = indexOfKey(node, key => key === name);
    const isMerged = index < 0 && isMapping(yaml.plain(node)) && Object.hasOwn(yaml.plain(node) as object, name);
    if (isMerged) refuseMerge(node);
    node = node.items[index]?.value;
  }
  if (isAlias(node)) throw new PubSubError('conflict', `it is written as the alias \`*${node.source}\``);
  if (isMap(node)) refuseMerge(node);
}

function isThere(yaml: YamlText, path: SettingsPath, schema: TSchema, wanted: Mapping | undefined): boolean {
  const place = placeOf(yaml, path);
  if (place === undefined || wanted === undefined) return place === undefined && wanted === undefined;
  return isSame(yaml, (place.parent as YAMLMap).items[place.index]?.value, schema, wanted);
}

/** Only the settings at the path differ, and they are the wanted ones. */
function isRight(before: YamlText, after: YamlText, path: SettingsPath, schema: TSchema, wanted?: Mapping): boolean {
  if (!after.isSound) return false;
  return isThere(after, path, schema, wanted) && isDeepStrictEqual(without(before, path), without(after, path));
}

/** All other settings; a mapping with nothing else in it is none. */
function without(yaml: YamlText, path: SettingsPath): unknown {
  const [key, ...rest] = path;
  return pruned(isMapping(yaml.tree) ? yaml.tree : {}, key, rest);
}

function pruned(tree: Mapping, key: string, rest: readonly string[]): Mapping {
  const { [key]: inner, ...others } = tree;
  const [next, ...further] = rest;
  if (next === undefined || !isMapping(inner)) return others;
  const left = pruned(inner, next, further);
  return Object.keys(left).length === 0 ? others : { ...others, [key]: left };
}

interface Marks {
  readonly anchors: readonly string[];
  readonly aliases: readonly string[];
}

function marksIn(yaml: YamlText, path: SettingsPath): Marks {
  const place = placeOf(yaml, path);
  const anchors: string[] = [];
  const aliases: string[] = [];
  const pair = place && (place.parent as YAMLMap).items[place.index];
  if (pair) {
    visit(pair as never, {
      Alias: (_, { source }) => void aliases.push(`\`*${source}\``),
      Value: (_, { anchor }) => void (anchor && anchors.push(`\`&${anchor}\``)),
    });
  }
  return { anchors, aliases };
}

function reasonOf({ anchors, aliases }: Marks): string {
  if (aliases.length > 0) return `the part that changes is written with ${aliases.join(', ')}`;
  if (anchors.length > 0) return `it has the anchor ${anchors.join(', ')}, which other parts of the file use`;
  return 'the form in which it is written cannot be kept';
}
