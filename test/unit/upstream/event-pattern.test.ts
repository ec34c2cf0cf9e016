import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEventPattern } from '../../../src/upstream/event-pattern.js';

function refusal(pattern: string, written?: string): string {
  try {
    parseEventPattern(pattern, written);
  } catch (error) {
    expect(error).toMatchObject({ name: 'PubSubError', kind: 'invalid' });
    return (error as Error).message;
  }
  throw new Error(`accepted: ${pattern}`);
}

describe('matching', () => {
  test('[UE-101] [D29] a list is trimmed and ignores case; other names do not match', () => {
    const matches = parseEventPattern(' a , b ');
    expect(['a', 'A', 'b', 'B', 'c', 'ab', 'a, b', ''].map(matches)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test('[upstream-events 5.3] `*` matches every user event, also `message`', () => {
    const matches = parseEventPattern(' * ');
    expect(['message', 'a.b', 'connect', 'x'].every(matches)).toBe(true);
  });

  test('[UE-103] names of system events are names like others', () => {
    const matches = parseEventPattern('connected');
    expect([matches('connected'), matches('connect')]).toEqual([true, false]);
  });

  test('[upstream-events 5.1] an empty pattern matches no event', () => {
    expect([parseEventPattern(''), parseEventPattern('  ')].map(matches => matches('message'))).toEqual([false, false]);
  });

  test('a dot stands for itself', () => {
    expect([parseEventPattern('a.b')('a.b'), parseEventPattern('a.b')('axb')]).toEqual([true, false]);
  });

  test('[UE-101] a name matches a list exactly when the list holds it, ignoring case', () => {
    const tail = fc.string({ unit: fc.constantFrom(...'abAB0_.-'), maxLength: 4 });
    const name = fc.tuple(fc.constantFrom(...'abAB'), tail).map(parts => parts.join(''));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), name, (names, event) => {
        const expected = names.some(item => item.toLowerCase() === event.toLowerCase());
        expect(parseEventPattern(names.join(' ,\t'))(event)).toBe(expected);
      }),
    );
  });
});

describe('configuration errors', () => {
  test.each(['a*', '*.b', 'a.?', '**', 'a\\*', '*, a', 'a,*'])(
    '[upstream-events D24] wildcards in names: %s',
    pattern => {
      expect(refusal(pattern)).toContain('wildcard');
    },
  );

  test.each(['1a', 'a b', 'a/b', 'é', '.a', '_a', `a${'b'.repeat(128)}`, 'a;b'])(
    '[upstream-events 5.4] %s',
    pattern => {
      expect(refusal(pattern)).toContain('is not valid');
    },
  );

  test.each([',', 'a,', ',a', 'a,,b'])('a name is missing in %j', pattern => {
    expect(refusal(pattern)).toContain('remove the comma');
  });

  test('the longest name is accepted', () => {
    const name = `a${'b'.repeat(127)}`;
    expect(parseEventPattern(name)(name.toUpperCase())).toBe(true);
  });

  test('messages quote the name as it was written, and nothing that came from the environment', () => {
    expect(refusal('ok, s3cret!')).toContain('"s3cret!"');
    expect(refusal('ok, s3cret!', '$' + '{EVENTS}')).not.toContain('s3cret');
  });
});

test('a list has at most 1,000 names', () => {
  const list = (count: number) => Array.from({ length: count }, (_, index) => `e${index}`).join(',');
  expect(parseEventPattern(list(1_000))('e999')).toBe(true);
  const message = 'lists more than 1000 event names; use `*` for every event, or fewer names';
  expect(refusal(list(1_001))).toBe(message);
  expect(refusal(','.repeat(1_000_000))).toBe(message);
});
