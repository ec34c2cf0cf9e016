import fc from 'fast-check';
import type { FilterSubject } from '../../../src/filter/filter.js';

/** A filter as a tree: what generated filters are printed from, and what a second, naive interpreter reads. */
export type Tree =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Tree[] }
  | { readonly kind: 'not'; readonly operand: Tree }
  | { readonly kind: 'infix'; readonly word: string; readonly left: Tree; readonly right: Tree }
  | { readonly kind: 'list'; readonly left: Tree; readonly items: readonly Tree[] };

type Value = string | number | boolean | null | ReadonlySet<string>;

// ------------------------------------------------------------------------------------------------------- generating

const names = ['ann', 'Bob-7', "O'Brien", '', 'a,b', '(x)', 'İß'];

/** Few names, so that comparisons are often true. */
const text = fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 3 }));

export const subject: fc.Arbitrary<FilterSubject> = fc.record({
  id: text,
  userId: fc.option(text, { nil: undefined }),
  groups: fc.array(text, { maxLength: 3 }).map(groups => new Set(groups)),
  subprotocol: fc.constantFrom(undefined, 'json.webpubsub.azure.v1'),
});

const literal = (value: fc.Arbitrary<string | number | boolean | null>): fc.Arbitrary<Tree> =>
  value.map(value => ({ kind: 'literal', value }));
const property = (...spellings: string[]): fc.Arbitrary<Tree> =>
  fc.constantFrom(...spellings).map(name => ({ kind: 'property', name }));
const call = (names: string[], ...operands: fc.Arbitrary<Tree>[]): fc.Arbitrary<Tree> =>
  fc
    .tuple(fc.constantFrom(...names), fc.tuple(...operands))
    .map(([name, operands]) => ({ kind: 'call', name, operands }));
const infix = (words: string[], left: fc.Arbitrary<Tree>, right: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc.tuple(fc.constantFrom(...words), left, right).map(([word, left, right]) => ({ kind: 'infix', word, left, right }));
const list = (left: fc.Arbitrary<Tree>, item: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc.tuple(left, fc.array(item, { maxLength: 4 })).map(([left, items]) => ({ kind: 'list', left, items }));
const not = (operand: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> => operand.map(operand => ({ kind: 'not', operand }));

const groups = property('groups', 'GROUPS');
const nothing = literal(fc.constant(null));
const integer = literal(fc.oneof(fc.integer({ min: -2, max: 4 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })));
/** Null for no connection, so that it may stand where null may not. */
const bound: fc.Arbitrary<Tree> = fc.oneof(integer, call(['length'], fc.oneof(groups, property('connectionId'))));

/** An alias: an interface would not do where a record is asked for. */
type Kinds = {
  string: Tree;
  int: Tree;
  bool: Tree;
  any: Tree;
};

const { string, int, bool, any } = fc.letrec<Kinds>(tie => ({
  string: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literal(text),
    property('userId', 'USERID', 'connectionId', 'protocol'),
    nothing,
    call(['tolower', 'toupper', 'trim'], tie('string')),
    call(['concat'], tie('string'), tie('string')),
    call(['substring'], tie('string'), bound),
    call(['substring'], tie('string'), bound, bound),
  ),
  int: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    integer,
    nothing,
    call(['length'], fc.oneof(tie('string'), groups)),
    call(['indexof'], tie('string'), tie('string')),
  ),
  bool: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    literal(fc.boolean()),
    infix(['in'], tie('any'), groups),
    list(tie('any'), tie('any')),
    infix(['eq', 'ne'], tie('any'), tie('any')),
    infix(['gt', 'ge', 'lt', 'le'], tie('int'), tie('int')),
    infix(['and', 'or'], tie('bool'), tie('bool')),
    not(tie('bool')),
    call(['startswith', 'endswith', 'contains'], tie('string'), tie('string')),
  ),
  any: fc.oneof({ depthSize: 'medium', withCrossShrink: true }, tie('string'), tie('int'), tie('bool'), groups),
}));

/** Filters that are right. */
export const wellTyped: fc.Arbitrary<Tree> = bool;

const functionNames = ['length', 'tolower', 'concat', 'substring', 'startswith', 'indexof', 'cast'];
const operatorWords = ['and', 'or', 'eq', 'ne', 'lt', 'ge'];

const anyCall: fc.Arbitrary<Tree> = fc
  .tuple(fc.constantFrom(...functionNames), fc.array(fc.oneof(string, int, any), { maxLength: 4 }))
  .map(([name, operands]) => ({ kind: 'call', name, operands }));

/** Filters that follow the grammar, with operands of any type; most are wrong. */
export const illTyped: fc.Arbitrary<Tree> = fc.oneof(
  infix(operatorWords, any, any),
  // Parentheses after `in` would make a list, so what stands there is a word, a literal or a call.
  infix(['in'], any, fc.oneof(groups, integer, property('userId'), anyCall)),
  not(any),
  any,
  anyCall,
);

// ---------------------------------------------------------------------------------------------------------- printing

const levels: Readonly<Record<string, number>> = { or: 1, and: 2, eq: 3, ne: 3, gt: 3, ge: 3, lt: 3, le: 3, in: 5 };
const notLevel = 4;
const primaryLevel = 6;

/** With as few parentheses as the precedence allows; `space` goes where one is needed. */
export function printTree(tree: Tree, space: string, least = 0): string {
  const level = levelOf(tree);
  const text = printBare(tree, space);
  return level < least ? `(${text})` : text;
}

function levelOf(tree: Tree): number {
  switch (tree.kind) {
    case 'infix':
      return levels[tree.word] ?? 0;
    case 'list':
      return levels.in ?? 0;
    case 'not':
      return notLevel;
    default:
      return primaryLevel;
  }
}

function printBare(tree: Tree, space: string): string {
  const part = (child: Tree, least: number) => printTree(child, space, least);
  switch (tree.kind) {
    case 'literal':
      return typeof tree.value === 'string' ? `'${tree.value.replaceAll("'", "''")}'` : String(tree.value);
    case 'property':
      return tree.name;
    case 'call':
      return `${tree.name}(${tree.operands.map(child => part(child, 0)).join(`,${space}`)})`;
    case 'not':
      return `not${space}${part(tree.operand, notLevel)}`;
    case 'list':
      return `${part(tree.left, primaryLevel)}${space}in${space}(${tree.items.map(child => part(child, 0)).join(',')})`;
    case 'infix': {
      const level = levelOf(tree);
      const left = tree.word === 'in' ? primaryLevel : level;
      return `${part(tree.left, left)}${space}${tree.word}${space}${part(tree.right, level + 1)}`;
    }
  }
}

// ------------------------------------------------------------------------------------------------------ interpreting

/** The rules of [rest-api 4.2], read off one by one. */
export function interpret(tree: Tree, of: FilterSubject): Value {
  switch (tree.kind) {
    case 'literal':
      return tree.value;
    case 'property':
      return propertyOf(tree.name.toLowerCase(), of);
    case 'call':
      return callOf(
        tree.name,
        tree.operands.map(operand => interpret(operand, of)),
      );
    case 'not':
      return interpret(tree.operand, of) === false;
    case 'list': {
      const left = interpret(tree.left, of);
      return tree.items.map(item => interpret(item, of)).some(item => equal(left, item));
    }
    case 'infix':
      return infixOf(tree.word, interpret(tree.left, of), interpret(tree.right, of));
  }
}

function propertyOf(name: string, of: FilterSubject): Value {
  if (name === 'groups') return of.groups;
  if (name === 'connectionid') return of.id;
  return (name === 'userid' ? of.userId : of.subprotocol) ?? null;
}

function equal(left: Value, right: Value): boolean {
  return typeof left === typeof right && left === right;
}

function infixOf(word: string, left: Value, right: Value): boolean {
  if (word === 'and') return left === true && right === true;
  if (word === 'or') return left === true || right === true;
  if (word === 'eq') return equal(left, right);
  if (word === 'ne') return !equal(left, right);
  if (word === 'in') return [...(right as ReadonlySet<string>)].some(item => item === left);
  if (left === null || right === null) return false;
  const difference = Number(left) - Number(right);
  if (word === 'gt') return difference > 0;
  if (word === 'ge') return difference >= 0;
  return word === 'lt' ? difference < 0 : difference <= 0;
}

function callOf(name: string, [first = null, second = null, ...rest]: readonly Value[]): Value {
  if (name === 'concat' && (first === null) !== (second === null)) return first ?? second;
  if (name === 'indexof' && (first === null || second === null)) return -1;
  if (['startswith', 'endswith', 'contains'].includes(name) && (first === null || second === null)) return false;
  if (first === null) return null;
  if (typeof first !== 'string') return [...(first as ReadonlySet<string>)].length;
  if (name === 'substring') return substringOf(first, Number(second), rest[0] as number | undefined);
  return ofStrings(name, first, String(second));
}

function substringOf(first: string, start: number, length: number | undefined): string | null {
  if (start < 0 || start > first.length) return null;
  if (length === undefined) return first.substring(start);
  return length < 0 || start + length > first.length ? null : first.substring(start, start + length);
}

function ofStrings(name: string, first: string, second: string): Value {
  const results: Readonly<Record<string, () => Value>> = {
    length: () => first.length,
    tolower: () => first.toLowerCase(),
    toupper: () => first.toUpperCase(),
    trim: () => first.trim(),
    concat: () => first.concat(second),
    startswith: () => first.slice(0, second.length) === second,
    endswith: () => second === '' || first.slice(-second.length) === second,
    contains: () => first.split(second).length > 1 || second === '',
    indexof: () => [...Array(first.length + 1).keys()].find(at => first.startsWith(second, at)) ?? -1,
  };
  return results[name]?.() ?? null;
}
