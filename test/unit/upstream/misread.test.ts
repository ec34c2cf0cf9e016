import { describe, expect, test } from 'vitest';
import { asSent } from '../../../src/upstream/misread.js';

const asLatin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

describe('[D02] a name that an upstream read as Latin-1', () => {
  test.each(['José', '日本', '😀', 'voilà', 'ÿ'])('%s is the one that was sent', name => {
    expect(asSent(asLatin1(name), { userId: name, claims: {} })).toBe(name);
    expect(asSent(asLatin1(name), { userId: undefined, claims: { role: ['x', name] } })).toBe(name);
    expect(asSent(name, { userId: name, claims: {} })).toBe(name);
  });

  test.each([
    ['nothing like it was sent', asLatin1('José'), 'ann'],
    ['it is what was sent', asLatin1('José'), asLatin1('José')],
    ['it is Latin-1 and no UTF-8', 'Jos\u00e9', 'Jos\ufffd'],
    ['it is read only in part', `${asLatin1('é')}日`, 'é日'],
    ['it is plain ASCII', 'ann', 'ann'],
  ])('is taken as it is where %s', (_, given, userId) => {
    expect(asSent(given, { userId, claims: {} })).toBe(given);
  });
});
