import { check } from './check.js';
import { compile } from './compile.js';
import { parse } from './parser.js';
import type { FilterSubject } from './subject.js';

export type { FilterSubject } from './subject.js';

/** Whether the filter lets a message through to the connection. Never throws. */
export type ConnectionFilter = (subject: FilterSubject) => boolean;

/**
 * Compiles a filter of the REST data plane: once per call, on every node that the call reaches. An empty text is not a
 * filter: that it means none is for the caller to decide.
 * @throws PubSubError `invalid`, whose message is the one that REST answers [rest-api 4]
 */
export function compileFilter(text: string): ConnectionFilter {
  const expression = parse(text);
  check(expression, text);
  return compile(expression);
}
