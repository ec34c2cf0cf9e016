/** What an expression can yield. The only collection is a connection's groups. [rest-api 4.2] */
export type Value = string | number | boolean | null | ReadonlySet<string>;

/** As messages name them. Integers have 32 bits and a sign. */
export type ValueType = 'string' | 'int' | 'bool' | 'collection' | 'null';

export function isCollection(value: Value): value is ReadonlySet<string> {
  return typeof value === 'object' && value !== null;
}

/** Ordinal, and never across types; there is one collection, so it equals itself. [rest-api 4.2] */
export function areEqual(left: Value, right: Value): boolean {
  return left === right || (isCollection(left) && isCollection(right));
}
