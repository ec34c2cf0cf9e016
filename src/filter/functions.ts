import { isCollection, type Value, type ValueType } from './values.js';

type Apply = (first: Value, second: Value | undefined, third: Value | undefined) => Value;

/** One function of the language. [rest-api 4.2] */
export interface FilterFunction {
  /** `sized` is a string or a collection. */
  readonly parameters: readonly ('string' | 'int' | 'sized')[];
  readonly required: number;
  readonly returns: ValueType;
  /** Which null arguments make the result null. */
  readonly isNullWhen: 'firstIsNull' | 'allAreNull' | 'never';
  /** Never throws; an argument that is left out is undefined. */
  readonly apply: Apply;
}

const functions: ReadonlyMap<string, FilterFunction> = new Map<string, FilterFunction>([
  [
    'length',
    { parameters: ['sized'], required: 1, returns: 'int', isNullWhen: 'firstIsNull', apply: first => lengthOf(first) },
  ],
  ['tolower', transform(text => text.toLowerCase())],
  ['toupper', transform(text => text.toUpperCase())],
  ['trim', transform(text => text.trim())],
  ['startswith', ofTwo('bool', false, (text, part) => text.startsWith(part))],
  ['endswith', ofTwo('bool', false, (text, part) => text.endsWith(part))],
  ['contains', ofTwo('bool', false, (text, part) => text.includes(part))],
  ['indexof', ofTwo('int', -1, (text, part) => text.indexOf(part))],
  [
    'concat',
    {
      parameters: ['string', 'string'],
      required: 2,
      returns: 'string',
      isNullWhen: 'allAreNull',
      apply: (first, second = null) => concat(first, second),
    },
  ],
  [
    'substring',
    {
      parameters: ['string', 'int', 'int'],
      required: 2,
      returns: 'string',
      isNullWhen: 'firstIsNull',
      apply: (first, second = null, third) => substring(first, second, third),
    },
  ],
]);

/** Letter case counts. [rest-api 4.1] */
export function findFunction(name: string): FilterFunction | undefined {
  return functions.get(name);
}

function transform(change: (text: string) => string): FilterFunction {
  const apply: Apply = first => (typeof first === 'string' ? change(first) : null);
  return { parameters: ['string'], required: 1, returns: 'string', isNullWhen: 'firstIsNull', apply };
}

/** A function of two strings that has an answer when one of them is null. */
function ofTwo(
  returns: ValueType,
  ofNull: Value,
  compute: (first: string, second: string) => boolean | number,
): FilterFunction {
  const apply: Apply = (first, second) =>
    typeof first === 'string' && typeof second === 'string' ? compute(first, second) : ofNull;
  return { parameters: ['string', 'string'], required: 2, returns, isNullWhen: 'never', apply };
}

function lengthOf(value: Value): number | null {
  if (typeof value === 'string') return value.length;
  return isCollection(value) ? value.size : null;
}

function concat(first: Value, second: Value): Value {
  if (first === null) return second;
  return second === null ? first : `${first}${second}`;
}

/** Null when a bound is out of range, or null itself. */
function substring(text: Value, start: Value, length: Value | undefined): string | null {
  if (typeof text !== 'string' || typeof start !== 'number' || start < 0 || start > text.length) return null;
  if (length === undefined) return text.slice(start);
  if (typeof length !== 'number' || length < 0 || length > text.length - start) return null;
  return text.slice(start, start + length);
}
