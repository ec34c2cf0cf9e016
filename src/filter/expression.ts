import { unreachable } from '../errors.js';

/** One operand or operator; `operands` is how many of the results before it a term takes. */
export type Term =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null; readonly operands: 0 }
  /** An identifier, or anything else that is one word: which of them mean something is not the grammar's question. */
  | { readonly kind: 'name'; readonly name: string; readonly operands: 0 }
  | { readonly kind: 'call'; readonly name: string; readonly operands: number }
  | { readonly kind: 'not'; readonly operands: 1 }
  | { readonly kind: 'equality'; readonly operator: Equality; readonly operands: 2 }
  | { readonly kind: 'order'; readonly operator: Order; readonly operands: 2 }
  | { readonly kind: 'logic'; readonly operator: Logic; readonly operands: 2 }
  | { readonly kind: 'in'; readonly operands: 2 }
  /** The first operand is looked for among the others. */
  | { readonly kind: 'inList'; readonly operands: number };

export type Equality = 'eq' | 'ne';
export type Order = 'gt' | 'ge' | 'lt' | 'le';
export type Logic = 'and' | 'or';

/**
 * A filter in postfix order: operands come before their operator. Whoever reads it goes from left to right with a stack
 * of results, so a chain of a thousand operators costs no call stack.
 */
export type Expression = readonly Term[];

/** Gives each term the results of its operands, and answers with the last one's. `at` is the term's index. */
export function fold<Result>(
  expression: Expression,
  visit: (term: Term, operands: readonly Result[], at: number) => Result,
): Result {
  const results: Result[] = [];
  for (const [at, term] of expression.entries()) {
    const operands = results.splice(results.length - term.operands);
    results.push(visit(term, operands, at));
  }
  return results[0] as Result;
}

interface Printed {
  readonly text: string;
  readonly isOperator: boolean;
}

/** The expression that ends with the term at `last`: single spaces, nested operators in parentheses. [rest-api 4.3] */
export function print(expression: Expression, last: number): string {
  return fold<Printed>(expression.slice(firstOf(expression, last), last + 1), printTerm).text;
}

function firstOf(expression: Expression, last: number): number {
  let at = last;
  let missing = operandsOf(expression, at);
  while (missing > 0) {
    at -= 1;
    missing += operandsOf(expression, at) - 1;
  }
  return at;
}

function operandsOf(expression: Expression, at: number): number {
  return expression[at]?.operands ?? 0;
}

function printTerm(term: Term, operands: readonly Printed[]): Printed {
  switch (term.kind) {
    case 'literal':
      return operand(typeof term.value === 'string' ? `'${term.value.replaceAll("'", "''")}'` : String(term.value));
    case 'name':
      return operand(term.name);
    case 'call':
      return operand(`${term.name}(${joined(operands)})`);
    case 'not':
      return operator(`not ${wrapped(operands[0])}`);
    case 'in':
      return infix(operands, 'in');
    case 'inList':
      return operator(`${wrapped(operands[0])} in (${joined(operands.slice(1))})`);
    case 'equality':
    case 'order':
    case 'logic':
      return infix(operands, term.operator);
    default:
      return unreachable(term);
  }
}

function operand(text: string): Printed {
  return { text, isOperator: false };
}

function operator(text: string): Printed {
  return { text, isOperator: true };
}

function infix([left, right]: readonly Printed[], word: string): Printed {
  return operator(`${wrapped(left)} ${word} ${wrapped(right)}`);
}

function wrapped(printed: Printed | undefined): string {
  if (printed === undefined) return '';
  return printed.isOperator ? `(${printed.text})` : printed.text;
}

function joined(operands: readonly Printed[]): string {
  return operands.map(({ text }) => text).join(',');
}
