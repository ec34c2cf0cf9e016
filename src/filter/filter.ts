import { LRUCache } from 'lru-cache';
import { check } from './check.js';
import { compile } from './compile.js';
import { parse } from './parser.js';
import type { FilterSubject } from './subject.js';

export type { FilterSubject } from './subject.js';

/** Whether the filter lets a message through to the connection. Never throws. */
export type ConnectionFilter = (subject: FilterSubject) => boolean;

/** Bounds of the filters that are kept: characters of all texts together, and of one of them. */
const maxKeptCharacters = 256 * 1024;
const maxKeptLength = 16 * 1024;

const compiled = new LRUCache<string, ConnectionFilter>({
  maxSize: maxKeptCharacters,
  maxEntrySize: maxKeptLength,
  sizeCalculation: (_filter, text) => Math.max(text.length, 1),
});

/**
 * Compiles a filter of the REST data plane, once per text as long as it is in use: calls with the same filter share one
 * function. An empty text is not a filter: that it means none is for the caller to decide.
 * @throws PubSubError `invalid`, whose message is the one that REST answers [rest-api 4]
 */
export function compileFilter(text: string): ConnectionFilter {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const expression = parse(text);
  check(expression, text);
  const filter = compile(expression);
  compiled.set(text, filter);
  return filter;
}
