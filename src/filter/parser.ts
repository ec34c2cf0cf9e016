import type { PubSubError } from '../errors.js';
import type { Expression, Term } from './expression.js';
import { invalidFilter, notSupported, syntaxError } from './invalid-filter.js';
import { operatorWords, readToken, type Token } from './lexer.js';

/** Parentheses within parentheses, those of calls and lists included. [rest-api 4.1] */
const maxDepth = 100;
/** Operands and operators together. [rest-api 4.1] */
const maxTerms = 2000;

type Operators = ReadonlyMap<string, Term>;

const orOperator: Operators = new Map([['or', { kind: 'logic', operator: 'or', operands: 2 }]]);
const andOperator: Operators = new Map([['and', { kind: 'logic', operator: 'and', operands: 2 }]]);
const comparisons: Operators = new Map<string, Term>([
  ...(['eq', 'ne'] as const).map((operator): [string, Term] => [operator, { kind: 'equality', operator, operands: 2 }]),
  ...(['gt', 'ge', 'lt', 'le'] as const).map((operator): [string, Term] => [
    operator,
    { kind: 'order', operator, operands: 2 },
  ]),
]);

const literalWords: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** Operators of OData that filters do not have. [rest-api 4.1] */
const foreignOperators: ReadonlySet<string> = new Set([
  'add',
  'sub',
  'mul',
  'div',
  'divby',
  'mod',
  'has',
  '/',
  '-',
  '+',
]);

/**
 * The grammar alone: names and types are not looked at.
 * @throws PubSubError `invalid` [rest-api 4.1, 4.3]
 */
export function parse(text: string): Expression {
  return new Parser(text).parse();
}

/** One method for each rule of the grammar; each leaves its terms at the end of the expression. */
class Parser {
  readonly #text: string;
  readonly #terms: Term[] = [];
  #token: Token;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#token = readToken(text, 0);
  }

  parse(): Expression {
    this.#or();
    if (this.#token.kind !== 'end') throw this.#unexpected();
    return this.#terms;
  }

  readonly #or = (): void => this.#leftToRight(this.#and, orOperator);
  readonly #and = (): void => this.#leftToRight(this.#comparison, andOperator);
  readonly #comparison = (): void => this.#leftToRight(this.#unary, comparisons);

  #leftToRight(operand: () => void, operators: Operators): void {
    operand();
    for (let term = this.#operator(operators); term !== undefined; term = this.#operator(operators)) {
      this.#advance();
      operand();
      this.#emit(term);
    }
  }

  #operator(operators: Operators): Term | undefined {
    return this.#token.kind === 'word' ? operators.get(this.#token.text) : undefined;
  }

  readonly #unary = (): void => {
    let negations = 0;
    for (; this.#isWord('not'); negations += 1) this.#advance();
    this.#in();
    for (; negations > 0; negations -= 1) this.#emit({ kind: 'not', operands: 1 });
  };

  #in(): void {
    this.#primary();
    if (!this.#isWord('in')) return;
    this.#advance();
    if (this.#isSymbol('(')) {
      this.#emit({ kind: 'inList', operands: 1 + this.#nested(() => this.#items()) });
    } else {
      this.#primary();
      this.#emit({ kind: 'in', operands: 2 });
    }
  }

  /** How many there are; empty ones do not count. [rest-api 4.1] */
  #items(): number {
    let count = 0;
    while (!this.#isSymbol(')')) {
      if (!this.#isSymbol(',')) {
        this.#or();
        count += 1;
      }
      if (!this.#isSymbol(')')) this.#take(',', "')' or ','");
    }
    return count;
  }

  #primary(): void {
    const token = this.#token;
    if (token.kind === 'string' || token.kind === 'integer') this.#literal(token.value);
    else if (token.kind === 'word' && !operatorWords.has(token.text)) this.#word(token.text);
    else if (this.#isSymbol('(')) this.#nested(this.#or);
    else throw this.#missingOperand();
  }

  #word(text: string): void {
    const literal = literalWords.get(text);
    if (literal === undefined) this.#name(text);
    else this.#literal(literal);
  }

  #name(name: string): void {
    this.#advance();
    if (this.#isSymbol('(')) this.#emit({ kind: 'call', name, operands: this.#nested(() => this.#arguments()) });
    else this.#emit({ kind: 'name', name, operands: 0 });
  }

  #literal(value: string | number | boolean | null): void {
    this.#advance();
    this.#emit({ kind: 'literal', value, operands: 0 });
  }

  #arguments(): number {
    if (this.#isSymbol(')')) return 0;
    let count = 0;
    for (;;) {
      this.#or();
      count += 1;
      if (this.#isSymbol(')')) return count;
      this.#take(',', "')' or ','");
    }
  }

  /** What stands between parentheses. */
  #nested<Result>(inside: () => Result): Result {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw this.#wrong(`Parentheses more than ${maxDepth} deep`);
    this.#advance();
    const result = inside();
    this.#take(')', "')'");
    this.#depth -= 1;
    return result;
  }

  #emit(term: Term): void {
    if (this.#terms.length === maxTerms) throw this.#wrong(`More than ${maxTerms} operands and operators`);
    this.#terms.push(term);
  }

  #advance(): void {
    this.#token = readToken(this.#text, this.#token.end);
  }

  #take(symbol: ')' | ',', expected: string): void {
    if (!this.#isSymbol(symbol)) {
      throw this.#token.kind === 'end' ? this.#wrong(`${expected} expected`) : this.#unexpected();
    }
    this.#advance();
  }

  #isWord(text: string): boolean {
    return this.#token.kind === 'word' && this.#token.text === text;
  }

  #isSymbol(text: '(' | ')' | ','): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text;
  }

  #wrong(what: string): PubSubError {
    return syntaxError(this.#text, this.#token.start, what);
  }

  #missingOperand(): PubSubError {
    return this.#foreign() ?? this.#wrong('Operand expected');
  }

  /** The position is the one after the token: clients compare the text of this message. [rest-api 4.3] */
  #unexpected(): PubSubError {
    return this.#foreign() ?? syntaxError(this.#text, this.#token.end);
  }

  /** Paths, signs and arithmetic: OData, but not in a filter. */
  #foreign(): PubSubError | undefined {
    const token = this.#token;
    const text = token.kind === 'symbol' || token.kind === 'word' ? token.text : '';
    return foreignOperators.has(text) ? invalidFilter(this.#text, notSupported(text)) : undefined;
  }
}
