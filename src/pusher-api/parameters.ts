/** A query parameter, decoded. Names are in lower case. */
export type Parameter = readonly [name: string, value: string];

/** What a `+` stands for. Forms write a space so; some SDKs write a `+` as it is. */
export type Plus = 'space' | 'plus';

/** The query of a request, in the order in which it was sent. */
export class Parameters {
  readonly all: readonly Parameter[];

  constructor(all: readonly Parameter[]) {
    this.all = all;
  }

  /** @param query what follows the question mark */
  static parse(query: string, plus: Plus): Parameters {
    const written = query.split('&').filter(part => part !== '');
    return new Parameters(written.map(part => parameterOf(part, plus)));
  }

  /** Of a repeated parameter, the last one. */
  get(name: string): string | undefined {
    return this.all.findLast(([each]) => each === name)?.[1];
  }

  values(name: string): readonly string[] {
    return this.all.filter(([each]) => each === name).map(([, value]) => value);
  }
}

function parameterOf(text: string, plus: Plus): Parameter {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const value = equals < 0 ? '' : text.slice(equals + 1);
  return [decoded(name, plus).toLowerCase(), decoded(value, plus)];
}

function decoded(text: string, plus: Plus): string {
  return percentDecoded(plus === 'space' ? text.replaceAll('+', ' ') : text) ?? text;
}

/** Undefined: it is malformed. */
export function percentDecoded(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
