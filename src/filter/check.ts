import { unreachable } from '../errors.js';
import { type Expression, fold, print, type Term } from './expression.js';
import { type FilterFunction, findFunction } from './functions.js';
import { invalidFilter, invalidToken, notSupported } from './invalid-filter.js';
import { findProperty } from './subject.js';
import type { ValueType } from './values.js';

/** What an operand is. */
interface Typed {
  readonly kind: 'typed';
  readonly type: ValueType;
  /** Its type for the connection that filters are checked against: what a function makes of null is `null`. */
  readonly shown: ValueType;
  /** Whether it is null for that connection; a user id that is not there still shows as a string. */
  readonly isNull: boolean;
}

interface Fault {
  readonly kind: 'fault';
  /** Index of the term whose expression is quoted; undefined: that of the operator or call around it. */
  readonly at: number | undefined;
  readonly detail: () => string;
}

type Finding = Typed | Fault;

/**
 * Names and types, of every branch. A filter is checked as it is for a connection without user, groups and subprotocol,
 * which decides the wording, and also for what null hides there, so that it cannot fail for any other. [rest-api 4.3]
 * @param text the whole filter @throws PubSubError `invalid`
 */
export function check(expression: Expression, text: string): void {
  const last = expression.length - 1;
  const root = fold<Finding>(expression, (term, operands, at) => checkTerm(expression, term, operands, at));
  const fault = root.kind === 'fault' ? root : expectBool([root], last);
  if (fault === undefined) return;
  throw invalidFilter(fault.at === undefined ? text : print(expression, fault.at), fault.detail());
}

function checkTerm(expression: Expression, term: Term, operands: readonly Finding[], at: number): Finding {
  switch (term.kind) {
    case 'literal':
      return literal(term.value);
    case 'name':
      return property(term.name);
    case 'call':
      return call(term.name, operands, at, () => print(expression, at));
    case 'not':
    case 'logic':
      return checked(operands, at, expectBool);
    case 'order':
      return checked(operands, at, expectInt);
    case 'in':
      return checked(operands, at, expectCollection);
    case 'equality':
    case 'inList':
      return checked(operands, at);
    default:
      return unreachable(term);
  }
}

// -------------------------------------------------------------------------------------------------------- operands

function typed(type: ValueType, isNull = false, shown = type): Typed {
  return { kind: 'typed', type, shown, isNull };
}

function literal(value: string | number | boolean | null): Typed {
  switch (typeof value) {
    case 'string':
      return typed('string');
    case 'number':
      return typed('int');
    case 'boolean':
      return typed('bool');
    default:
      return typed('null', true);
  }
}

function property(name: string): Finding {
  const found = findProperty(name);
  if (found === undefined) return { kind: 'fault', at: undefined, detail: () => notSupported(name) };
  return typed(found.type, found.isNull);
}

// ----------------------------------------------------------------------------------------------------------- calls

/** A function that is not there is said to be so whatever its arguments are. [rest-api 4.3] */
function call(name: string, operands: readonly Finding[], at: number, text: () => string): Finding {
  const found = findFunction(name);
  if (found === undefined) return { kind: 'fault', at, detail: () => notSupported(text()) };
  if (operands.length < found.required || operands.length > found.parameters.length) {
    return { kind: 'fault', at, detail: () => invalidToken(text()) };
  }
  const sound = soundOf(operands, at);
  if (!Array.isArray(sound)) return sound;
  return faultOfArguments(found, sound, at, text) ?? resultOf(found, sound);
}

function faultOfArguments(found: FilterFunction, operands: Typed[], at: number, text: () => string): Fault | undefined {
  for (const [index, operand] of operands.entries()) {
    switch (found.parameters[index]) {
      case 'string':
        if (operand.type !== 'string' && operand.type !== 'null') return mismatch(operand.type, 'string', at);
        break;
      case 'int':
        if (operand.shown !== 'int') return mismatch(operand.shown, 'int', at);
        break;
      default:
        if (operand.type === 'int' || operand.type === 'bool') {
          return { kind: 'fault', at, detail: () => invalidToken(text()) };
        }
    }
  }
  return undefined;
}

function resultOf({ returns, isNullWhen }: FilterFunction, operands: Typed[]): Typed {
  const isNull =
    (isNullWhen === 'firstIsNull' && operands[0]?.isNull === true) ||
    (isNullWhen === 'allAreNull' && operands.every(operand => operand.isNull));
  return typed(returns, isNull, isNull ? 'null' : returns);
}

// ------------------------------------------------------------------------------------------------------- operators

/** The result of an operator: every one of them yields a bool. */
function checked(
  operands: readonly Finding[],
  at: number,
  expect?: (operands: readonly Typed[], at: number) => Fault | undefined,
): Finding {
  const sound = soundOf(operands, at);
  if (!Array.isArray(sound)) return sound;
  return expect?.(sound, at) ?? typed('bool');
}

/** The operands, or the first of their faults; one that no expression is quoted for yet quotes this one. */
function soundOf(operands: readonly Finding[], at: number): Typed[] | Fault {
  const sound: Typed[] = [];
  for (const operand of operands) {
    if (operand.kind === 'fault') return { ...operand, at: operand.at ?? at };
    sound.push(operand);
  }
  return sound;
}

function expectBool(operands: readonly Typed[], at: number): Fault | undefined {
  const wrong = operands.find(({ shown }) => shown !== 'bool');
  return wrong && mismatch(wrong.shown, 'bool', at);
}

/** Null compares with anything; a string does not, even when there is none. [rest-api 4.2] */
function expectInt(operands: readonly Typed[], at: number): Fault | undefined {
  const wrong = operands.find(({ type }) => type !== 'int' && type !== 'null');
  return wrong && mismatch(wrong.type, 'int', at);
}

function expectCollection([, right]: readonly Typed[], at: number): Fault | undefined {
  return right === undefined || right.type === 'collection' ? undefined : mismatch(right.type, 'collection', at);
}

function mismatch(actual: ValueType, expected: ValueType, at: number): Fault {
  return { kind: 'fault', at, detail: () => `Type '${actual}', expect '${expected}'.` };
}
