import { unreachable } from '../errors.js';
import { type Expression, fold, type Logic, type Order, type Term } from './expression.js';
import { findFunction } from './functions.js';
import { type FilterSubject, findProperty } from './subject.js';
import { areEqual, isCollection, type Value } from './values.js';

type Evaluate = (subject: FilterSubject) => Value;

interface Compiled {
  readonly evaluate: Evaluate;
  /** Its value, when that is the same for every connection. */
  readonly constant: Value | undefined;
  /** Of a chain of one logical operator: its parts, which `evaluate` goes through in a loop. */
  readonly chain: { readonly operator: Logic; readonly parts: Evaluate[] } | undefined;
}

const nobody: FilterSubject = { id: '', userId: undefined, groups: new Set(), subprotocol: undefined };

const orders: Readonly<Record<Order, (left: number, right: number) => boolean>> = {
  gt: (left, right) => left > right,
  ge: (left, right) => left >= right,
  lt: (left, right) => left < right,
  le: (left, right) => left <= right,
};

/** The expression must have passed `check`. What comes back never throws. */
export function compile(expression: Expression): (subject: FilterSubject) => boolean {
  const { evaluate } = fold(expression, compileTerm);
  return subject => evaluate(subject) === true;
}

function compileTerm(term: Term, operands: readonly Compiled[]): Compiled {
  const [left = constant(null), right = constant(null)] = operands;
  switch (term.kind) {
    case 'literal':
      return constant(term.value);
    case 'name':
      return variable(findProperty(term.name)?.read ?? (() => null));
    case 'call':
      return derived(operands, call(term.name, operands));
    case 'not':
      return derived(operands, subject => left.evaluate(subject) !== true);
    case 'equality':
      return derived(operands, equality(left.evaluate, right.evaluate, term.operator === 'eq'));
    case 'order':
      return derived(operands, order(left.evaluate, right.evaluate, orders[term.operator]));
    case 'logic':
      return logic(term.operator, left, right);
    case 'in':
      return derived(operands, inCollection(left.evaluate, right.evaluate));
    case 'inList':
      return derived(operands, inList(left.evaluate, operands.slice(1)));
    default:
      return unreachable(term);
  }
}

function constant(value: Value): Compiled {
  return { evaluate: () => value, constant: value, chain: undefined };
}

function variable(evaluate: Evaluate): Compiled {
  return { evaluate, constant: undefined, chain: undefined };
}

/** What depends on nothing but constants is evaluated here, once. */
function derived(operands: readonly Compiled[], evaluate: Evaluate): Compiled {
  const isConstant = operands.every(operand => operand.constant !== undefined);
  return isConstant ? constant(evaluate(nobody)) : variable(evaluate);
}

function call(name: string, operands: readonly Compiled[]): Evaluate {
  const apply = findFunction(name)?.apply ?? (() => null);
  const [first, second, third] = operands.map(operand => operand.evaluate);
  return subject => apply(first?.(subject) ?? null, second?.(subject), third?.(subject));
}

function equality(left: Evaluate, right: Evaluate, expected: boolean): Evaluate {
  return subject => areEqual(left(subject), right(subject)) === expected;
}

/** False when either side is null. [rest-api 4.2] */
function order(left: Evaluate, right: Evaluate, holds: (left: number, right: number) => boolean): Evaluate {
  return subject => {
    const first = left(subject);
    const second = right(subject);
    return typeof first === 'number' && typeof second === 'number' && holds(first, second);
  };
}

function inCollection(left: Evaluate, right: Evaluate): Evaluate {
  return subject => {
    const item = left(subject);
    const collection = right(subject);
    return typeof item === 'string' && isCollection(collection) && collection.has(item);
  };
}

/** Constants are looked up at once; the others are compared one by one. */
function inList(left: Evaluate, items: readonly Compiled[]): Evaluate {
  const constants = new Set(items.map(item => item.constant).filter(value => value !== undefined));
  const others = items.filter(item => item.constant === undefined);
  return subject => {
    const value = left(subject);
    return constants.has(value) || others.some(item => areEqual(value, item.evaluate(subject)));
  };
}

/** Both sides are known to be right, so a side that decides alone makes a constant, and one that never does is left out. */
function logic(operator: Logic, left: Compiled, right: Compiled): Compiled {
  const deciding = operator === 'or';
  if (left.constant === deciding || right.constant === deciding) return constant(deciding);
  if (left.constant !== undefined) return right;
  if (right.constant !== undefined) return left;
  // Nobody else holds the left side, so a chain grows in place: a copy for each part would cost the square of its length.
  if (left.chain?.operator === operator) {
    left.chain.parts.push(right.evaluate);
    return left;
  }
  const parts = [left.evaluate, right.evaluate];
  return { evaluate: chained(parts, deciding), constant: undefined, chain: { operator, parts } };
}

function chained(parts: readonly Evaluate[], deciding: boolean): Evaluate {
  return subject => {
    for (const part of parts) if (part(subject) === deciding) return deciding;
    return !deciding;
  };
}
