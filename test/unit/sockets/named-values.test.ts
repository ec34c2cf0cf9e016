import { expect, test } from 'vitest';
import { addValue, type NamedValues, setValues } from '../../../src/sockets/named-values.js';

test.each(['name', '__proto__', 'constructor', 'hasOwnProperty', '0', ''])(
  'values are kept under the name %j',
  name => {
    const values: NamedValues = {};
    addValue(values, name, 'a');
    addValue(values, name, 'b');
    expect(Object.entries(values)).toEqual([[name, ['a', 'b']]]);
    expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
    setValues(values, name, ['c']);
    expect(JSON.stringify(values)).toBe(`{${JSON.stringify(name)}:["c"]}`);
  },
);
