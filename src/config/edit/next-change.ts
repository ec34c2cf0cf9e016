import { isDeepStrictEqual } from 'node:util';
import type { TSchema } from '@sinclair/typebox';
import { isAlias, isMap, isPair, isSeq, type YAMLMap, type YAMLSeq } from 'yaml';
import { PubSubError } from '../../errors.js';
import { keyText } from '../environment.js';
import { itemsOf, propertyOf, significant, significantSettings } from './significance.js';
import { insertAfter, insertFirst, removeEntry, replaceValue } from './splices.js';
import { indexOfKey, isBlank, type Place, type Splice, type YamlText } from './yaml-text.js';

/** The splices of the first difference between what stands at a place and what is wanted; undefined: there is none. */
type Change = readonly Splice[] | undefined;

/** @param wanted without insignificant settings @throws PubSubError `conflict` inside an alias or a merged mapping */
export function changeOfValue(yaml: YamlText, place: Place, schema: TSchema | undefined, wanted: unknown): Change {
  const item = place.parent.items[place.index];
  const node = isPair(item) ? item.value : item;
  if (isSame(yaml, node, schema, wanted)) return undefined;
  if (isAlias(node)) throw new PubSubError('conflict', `it is written as the alias \`*${node.source}\``);
  if (isMap(node) && isMapping(wanted) && node.items.length > 0) {
    refuseMerge(node);
    return changeOfMap(yaml, node, schema, wanted) ?? replaceValue(yaml, place, wanted);
  }
  if (isSeq(node) && Array.isArray(wanted) && node.items.length > 0 && wanted.length > 0) {
    return changeOfList(yaml, node, itemsOf(schema), wanted) ?? replaceValue(yaml, place, wanted);
  }
  return replaceValue(yaml, place, wanted);
}

/** @throws PubSubError `conflict` */
export function refuseMerge(node: YAMLMap): void {
  if (indexOfKey(node, key => key === '<<') < 0) return;
  throw new PubSubError('conflict', 'it is written with a merge key (`<<`)');
}

function changeOfMap(yaml: YamlText, map: YAMLMap, schema: TSchema | undefined, wanted: Mapping): Change {
  for (const [index, { key, value }] of map.items.entries()) {
    const name = keyText(key);
    const inner = propertyOf(schema, name);
    const place = { parent: map, index };
    const isWanted = Object.hasOwn(wanted, name);
    const change = isWanted ? changeOfValue(yaml, place, inner, wanted[name]) : undefined;
    if (change !== undefined) return change;
    const isLeft = !isWanted && significant(inner, yaml.plain(value)) !== undefined;
    // The last one is replaced, not removed: the mapping would have nothing in it.
    if (isLeft && map.items.length > 1) return removeEntry(yaml, place);
  }
  const missing = Object.keys(wanted).find(name => indexOfKey(map, key => key === name) < 0);
  if (missing === undefined) return undefined;
  return insertAfter(yaml, lastOf(map), { key: missing, value: wanted[missing] });
}

/** Equal items at both ends stay; of the others one is changed, taken out or put in. */
function changeOfList(yaml: YamlText, list: YAMLSeq, schema: TSchema | undefined, wanted: readonly unknown[]): Change {
  const nodes = list.items;
  const isSameAt = (at: number, to: number) => isSame(yaml, nodes[at], schema, wanted[to]);
  let first = 0;
  while (first < nodes.length && first < wanted.length && isSameAt(first, first)) first += 1;
  let last = 0;
  const shorter = Math.min(nodes.length, wanted.length) - first;
  while (last < shorter && isSameAt(nodes.length - 1 - last, wanted.length - 1 - last)) last += 1;
  const [there, here] = [nodes.length - first - last, wanted.length - first - last];
  const place = { parent: list, index: first };
  if (there > 0 && here > 0 && (there === here || isAkin(yaml.plain(nodes[first]), wanted[first]))) {
    return changeOfValue(yaml, place, schema, wanted[first]);
  }
  if (there > here) return nodes.length > 1 ? removeEntry(yaml, place) : undefined;
  const entry = { value: wanted[first] };
  return first === 0 ? insertFirst(yaml, place, entry) : insertAfter(yaml, { parent: list, index: first - 1 }, entry);
}

/** Two forms of one event handler. */
function isAkin(one: unknown, other: unknown): boolean {
  return isMapping(one) && isMapping(other) && one.urlTemplate === other.urlTemplate;
}

export function isSame(yaml: YamlText, node: unknown, schema: TSchema | undefined, wanted: unknown): boolean {
  const plain = isBlank(node) ? undefined : yaml.plain(node);
  const there = isMapping(plain) && schema ? significantSettings(schema, plain) : significant(schema, plain);
  const other = isMapping(wanted) && schema ? significantSettings(schema, wanted) : significant(schema, wanted);
  return isDeepStrictEqual(emptyAsNone(there), emptyAsNone(other));
}

function emptyAsNone(value: unknown): unknown {
  return isMapping(value) && Object.keys(value).length === 0 ? undefined : value;
}

export function lastOf(parent: YAMLMap | YAMLSeq): Place {
  return { parent, index: parent.items.length - 1 };
}

export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
