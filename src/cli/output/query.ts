import { type JSONValue, search } from '@jmespath-community/jmespath';

/** What an expression of JMESPath finds. @throws Error of the library for one that cannot be read */
export function queried(value: unknown, expression: string): unknown {
  return search(value as JSONValue, expression);
}
