import fc from 'fast-check';

/** White space as JSON allows it. */
export const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

/** A string literal, with a random choice of escapes. */
const stringLiteral = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        fc.constantFrom('"', '\\', '/', '}', ']', ','),
      ),
      fc.boolean(),
    ),
  )
  .map(chars => `"${chars.map(([char, isEscaped]) => literalChar(char, isEscaped)).join('')}"`);

function literalChar(char: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(char).slice(1, -1);
  return Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

const numberLiteral = fc.oneof(
  fc.constantFrom('0', '-0', '1.0', '12345678901234567890', '1e400', '-1E-7', '0.10', '1e+05'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => JSON.stringify(value)),
  fc.bigInt().map(String),
);

/** JSON text with odd spacing, escapes, and keys that may repeat. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; array: string; object: string }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    numberLiteral,
    stringLiteral,
    fc.constantFrom('true', 'false', 'null'),
    tie('array'),
    tie('object'),
  ),
  array: fc
    .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
    .map(items => `[${items.map(parts => parts.join('')).join(',')}]`),
  object: fc
    .array(
      fc.tuple(space, fc.oneof(stringLiteral, fc.constant('"a"')), space, fc.constant(':'), space, tie('value'), space),
      { maxLength: 4 },
    )
    .map(members => `{${members.map(parts => parts.join('')).join(',')}}`),
})).value;
