import { isParameter } from '../listener/parameter-names.js';

/** The parameters of a URL's query, in their order. `URLSearchParams` is one. */
export type Query = Iterable<[string, string]> & Pick<URLSearchParams, 'get'>;

/** What `URLSearchParams` decodes, or leaves out in front. */
const needsDecoding = /[%+]|^\?/;

/**
 * Reads a query as `URLSearchParams` does. Hot path: most queries hold a token and nothing that is encoded, and are read in
 * less time.
 * @param text without the `?`
 */
export function readQuery(text: string): Query {
  return needsDecoding.test(text) ? new URLSearchParams(text) : new PlainQuery(text);
}

/** The values of a parameter, in their order. Letter case does not count in its name. */
export function valuesOf(query: Query, name: string): string[] {
  const values: string[] = [];
  for (const [each, value] of query) if (isParameter(each, name)) values.push(value);
  return values;
}

/** A query without anything that is encoded. */
class PlainQuery implements Query {
  readonly #pairs: [string, string][] = [];

  constructor(text: string) {
    for (const part of text.split('&')) {
      if (part === '') continue;
      const at = part.indexOf('=');
      this.#pairs.push(at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]);
    }
  }

  get(name: string): string | null {
    for (const [each, value] of this.#pairs) if (each === name) return value;
    return null;
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#pairs[Symbol.iterator]();
  }
}
