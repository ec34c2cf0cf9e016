import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { compileFilter, type FilterSubject } from '../../../src/filter/filter.js';

/** The connections of [rest-api 4.4]. */
const ann = connection('c1', 'ann', ['red', 'blue'], 'json.webpubsub.azure.v1');
const anonymous = connection('c2', undefined, [], undefined);
const bob = connection('c3', 'Bob-7', ['red'], undefined);

function connection(id: string, userId: string | undefined, groups: string[], subprotocol: string | undefined) {
  return { id, userId, groups: new Set(groups), subprotocol } satisfies FilterSubject;
}

/** What the filter says of A, B and C: `TFF` is true of A alone. */
function verdicts(text: string): string {
  const filter = compileFilter(text);
  return [ann, anonymous, bob].map(subject => (filter(subject) ? 'T' : 'F')).join('');
}

function matchesUser(text: string, userId: string | undefined): boolean {
  return compileFilter(text)(connection('c', userId, [], undefined));
}

function messageOf(text: string): string {
  try {
    compileFilter(text);
  } catch (error) {
    if (error instanceof PubSubError && error.kind === 'invalid') return error.message;
    throw error;
  }
  return expect.unreachable(`a filter was accepted: ${text}`);
}

/** The message between its fixed parts. */
function faultOf(text: string): { quoted: string; detail: string } {
  const found = /^Invalid syntax for '(.*?)': (.*) \(Parameter 'filter'\)$/s.exec(messageOf(text));
  return { quoted: found?.[1] ?? '', detail: found?.[2] ?? '' };
}

describe('what a filter lets through', () => {
  test.each([
    [1, "userId eq 'ann'", 'TFF'],
    [2, 'USERID ne null', 'TFT'],
    [3, "userId eq 'ANN'", 'FFF'],
    [4, "tolower(userId) eq 'bob-7'", 'FFT'],
    [5, "'red' in groups and not ('blue' in groups)", 'FFT'],
    [6, 'length(groups) ge 1', 'TFT'],
    [7, 'length(userId) lt 100', 'TFT'],
    [8, 'not (length(userId) lt 100)', 'FTF'],
    [9, "userId in ('ann','zed') or connectionId eq 'c2'", 'TTF'],
    [10, "substring(userId,3,2) eq '-7'", 'FFT'],
    [11, "indexof(userId,'-') eq -1", 'TTF'],
    [12, "startswith(userId,'B') or true", 'TTT'],
    [13, "'red' in groups or 'blue' in groups and not ('red' in groups)", 'TFT'],
    [14, 'protocol eq null', 'FTT'],
    [15, 'userId eq 1', 'FFF'],
    [16, "concat(userId,'!') eq '!'", 'FTF'],
    [17, 'userId in (null)', 'FTF'],
    [22, "groups eq 'red'", 'FFF'],
  ])('[RA-087] row %i: %s is %s', (_row, text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test.each([
    [18, 'userId', "Type 'string', expect 'bool'."],
    [19, 'length(userId)', "Type 'null', expect 'bool'."],
    [20, "userId gt 'a'", "Type 'string', expect 'int'."],
  ])('[RA-087] row %i: %s is refused', (_row, text, detail) => {
    expect(faultOf(text)).toEqual({ quoted: text, detail });
  });

  test('[RA-087] row 21: keywords are in lower case', () => {
    const text = "userId eq 'ann' AND true";
    expect(faultOf(text).detail).toBe(`Syntax error at position 19 in '${text}'.`);
  });
});

describe('grammar', () => {
  test.each(['userId', 'USERID', 'userid'])('identifiers ignore letter case: %s', name => {
    expect(verdicts(`${name} eq 'ann'`)).toBe('TFF');
  });

  test.each([
    ["connectionID eq 'c2'", 'FTF'],
    ["'red' in GROUPS", 'TFT'],
    ["Protocol eq 'json.webpubsub.azure.v1'", 'TFF'],
  ])('%s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test.each(['TRUE', 'Null eq null', "Contains(userId,'a')"])('other words do not: %s', text => {
    expect(faultOf(text).detail).toMatch(/^Token '.*' is not supported\.$/);
  });

  test.each([
    ['true or false and false', 'TTT'],
    ['(true or false) and false', 'FFF'],
    ['not false and false', 'FFF'],
    ['not (false and false)', 'TTT'],
    ['1 eq 1 eq true', 'TTT'],
    ['1 eq 2 eq false', 'TTT'],
    ['true eq 1 eq 1', 'FFF'],
    ['false eq not true', 'TTT'],
    ['true eq false or true', 'TTT'],
    ['not not not false', 'TTT'],
  ])('precedence, from left to right: %s is %s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test.each([
    ["not 'red' in groups", 'FTF'],
    ["not userId in ('ann')", 'FTT'],
    ["not('red' in groups)", 'FTF'],
    ["userId in('ann')", 'TFF'],
    ["true and('red' in groups)or(false)", 'TFT'],
    ["userId eq'ann'", 'TFF'],
    ["\t'red'in\r\ngroups ", 'TFT'],
    ['tolower ( userId ) eq toupper( null )', 'FTF'],
  ])('blanks count only where words would run together: %s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test("[RA-091] quotes and commas in strings, and no blank after not: 'a' in groups and not('b' in groups)", () => {
    const text = "userId in ('Doe, John','O''Brien')";
    expect([matchesUser(text, 'Doe, John'), matchesUser(text, "O'Brien"), matchesUser(text, 'Doe')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(verdicts("'red' in groups and not('blue' in groups)")).toBe('FFT');
  });

  test.each([
    ["''", ''],
    ["''''", "'"],
    ["'a''''b'", "a''b"],
    ["'a\\'", 'a\\'],
    ["'äöü 漢字 👍'", 'äöü 漢字 👍'],
    ["'0~L2NoYXQ~cm9vbQ'", '0~L2NoYXQ~cm9vbQ'],
  ])('the string %s is %s', (literal, value) => {
    expect(matchesUser(`userId eq ${literal}`, value)).toBe(true);
  });

  test.each([
    ["userId in ('ann', null)", 'TTF'],
    ["userId in (tolower('ANN'), connectionId, concat('Bob','-7'))", 'TFT'],
    ["userId in (,'ann',,null,)", 'TTF'],
    ['userId in ()', 'FFF'],
    ['userId in (,)', 'FFF'],
    ["'ann' in (userId)", 'TFF'],
    ["length(userId) in (1, 5, '3')", 'FFT'],
    ["(userId eq 'ann') in (true)", 'TFF'],
    ["true in (userId eq 'ann' or userId eq null)", 'TTF'],
    ["'red' in (groups)", 'FFF'],
    ['groups in (1, groups)', 'TTT'],
  ])('lists hold any expressions: %s is %s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test('[RA-093] integers have 32 bits and a sign', () => {
    expect(faultOf('3000000000 eq 1')).toEqual({
      quoted: '3000000000 eq 1',
      detail: "Token '3000000000' is not supported.",
    });
    expect(verdicts('length(userId) gt -2')).toBe('TFT');
    expect(verdicts('2147483647 gt -2147483648')).toBe('TTT');
    expect(verdicts('007 eq 7 and -0 eq 0 and 0 in (-0)')).toBe('TTT');
    for (const digits of ['2147483648', '-2147483649', '9'.repeat(400)]) {
      expect(faultOf(`1 lt ${digits}`).detail).toBe(`Token '${digits}' is not supported.`);
    }
  });

  test.each([
    ...['1.5', '1e3', '1L', '2020-01-01', '2020-01-01T00:00:00+02:00', "duration'PT1S'", "Ns.Color'Red'"],
    ...['01234567-89ab-cdef-0123-456789abcdef', 'abcdef01-89ab-cdef-0123-456789abcdef', '@p1', '$it', 'Edm.String'],
  ])('a literal of another type is not supported: %s', literal => {
    expect(faultOf(`userId eq ${literal}`)).toEqual({
      quoted: `userId eq ${literal}`,
      detail: `Token '${literal}' is not supported.`,
    });
  });

  test.each([
    ["groups/any(g: g eq 'x')", '/'],
    ["groups/all(g: g eq 'x')", '/'],
    ['1 add 1 eq 2', 'add'],
    ['(1 sub 1) eq 0', 'sub'],
    ['2 mul 1 eq 2', 'mul'],
    ['2 div 1 eq 2', 'div'],
    ['length(userId) mod 2 eq 0', 'mod'],
    ["userId has 'a'", 'has'],
    ['-length(userId) lt 0', '-'],
    ['1 gt - 2', '-'],
    ['1 eq +1', '+'],
    ["userId in ('a' add 'b')", 'add'],
  ])('[RA-092] what OData has and filters have not: %s', (text, token) => {
    expect(faultOf(text)).toEqual({ quoted: text, detail: `Token '${token}' is not supported.` });
  });

  test.each(["cast(userId,'Edm.String') eq 'a'", 'cast(userId,Edm.String) eq 1', "ToLower(userId) eq 'a'"])(
    '[RA-092] functions that are not there: %s',
    text => {
      const call = text.slice(0, text.indexOf(')') + 1);
      expect(faultOf(text)).toEqual({ quoted: call, detail: `Token '${call}' is not supported.` });
    },
  );
});

describe('types and functions', () => {
  test.each([
    ["'a' eq 'a' and 1 eq 1 and true eq true and null eq null", 'TTT'],
    ["'1' eq 1 or true eq 'true' or 0 eq false or '' eq null or 0 eq null", 'FFF'],
    ["'1' ne 1 and 1 ne 2 and null ne false", 'TTT'],
    ['groups eq groups and not (groups ne groups)', 'TTT'],
    ['groups eq null or groups in (null)', 'FFF'],
    ["'RED' in groups", 'FFF'],
    ['userId in groups or 1 in groups or null in groups or groups in groups', 'FFF'],
  ])('equality is of values, and never of different types: %s is %s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test.each([
    ['1 lt 2 and 2 gt 1 and 1 le 1 and 1 ge 1', 'TTT'],
    ['2 lt 2 or 2 gt 2 or 2 le 1 or 1 ge 2', 'FFF'],
    ['null lt 1 or 1 lt null or null ge null or length(null) le 1', 'FFF'],
    ['length(userId) ge length(protocol)', 'FFF'],
    ['length(userId) ge length(connectionId)', 'TFT'],
  ])('order is of integers, and false next to null: %s is %s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test.each([
    ["length('') eq 0 and length('👍') eq 2", 'TTT'],
    ['length(groups) eq 2', 'TFF'],
    ['length(userId) eq null', 'FTF'],
    ["toupper(userId) eq 'ANN' and tolower('ÄÖ') eq 'äö'", 'TFF'],
    ["trim('  a b ') eq 'a b'", 'TTT'],
    ['tolower(userId) eq null and toupper(userId) eq null and trim(userId) eq null', 'FTF'],
    ['concat(userId,protocol) eq userId', 'FTT'],
    ["concat(null,null) eq null and concat('a',null) eq 'a' and concat(null,'b') eq 'b'", 'TTT'],
    ["concat('a','b') eq 'ab'", 'TTT'],
    ["substring('abc',1) eq 'bc' and substring('abc',3) eq '' and substring('abc',1,0) eq ''", 'TTT'],
    ["substring('abc',0,3) eq 'abc' and substring('abc',1,1) eq 'b'", 'TTT'],
    ["substring('abc',4) eq null and substring('abc',-1) eq null", 'TTT'],
    ["substring('abc',1,3) eq null and substring('abc',1,-1) eq null", 'TTT'],
    ['substring(userId,0) eq null', 'FTF'],
    ["startswith(userId,'an') or endswith(userId,'-7')", 'TFT'],
    ["startswith(userId,'AN') or endswith(userId,'N') or contains(userId,'BOB')", 'FFF'],
    ["contains(userId,'o') and contains(userId,'')", 'FFT'],
    ["startswith(userId,null) or endswith(null,'a') or contains(null,null)", 'FFF'],
    ["indexof(userId,'n') eq 1", 'TFF'],
    ["indexof(userId,null) eq -1 and indexof('abc','c') eq 2", 'TTT'],
  ])('functions: %s is %s', (text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test.each([
    ["substring('abc',length(substring(connectionId,5))) eq null", 'TTT', false],
    ["substring('abc',0,length(substring(connectionId,5))) eq null", 'TTT', false],
    ["substring('abc',0,length(substring(connectionId,5))) eq 'a'", 'FFF', true],
  ])('an argument that is null for some connections only cannot make a filter fail: %s', (text, expected, ofLonger) => {
    expect(verdicts(text)).toBe(expected);
    expect(compileFilter(text)(connection('123456', undefined, [], undefined))).toBe(ofLonger);
  });

  test('a concat is null only when both parts are', () => {
    expect(verdicts("substring('abcdef',length(concat(userId,'x'))) eq 'ef'")).toBe('TFF');
    expect(faultOf("substring('abc',length(concat(userId,null))) eq 'ef'").detail).toBe("Type 'null', expect 'int'.");
  });

  test('groups are the same however often they are read', () => {
    const changing: FilterSubject = {
      ...ann,
      get groups() {
        return new Set(['red']);
      },
    };
    const verdictsOf = ['groups eq groups', 'groups ne groups', 'groups in (1, groups)'].map(text =>
      compileFilter(text)(changing),
    );
    expect(verdictsOf).toEqual([true, false, true]);
  });

  test.each([
    'length()',
    "length('a','b')",
    'tolower()',
    'toupper(userId,userId)',
    'trim()',
    "concat('a')",
    "substring('a')",
    "substring('a',1,2,3)",
    "startswith('a')",
    "endswith('a')",
    "contains('a','b','c')",
    "indexof('a')",
    'length(1)',
    'length(true)',
  ])('%s is an invalid token', text => {
    expect(faultOf(`${text} eq 1`)).toEqual({ quoted: text, detail: `Invalid token '${text}'.` });
  });
});

describe('what a message says', () => {
  test('[RA-086] the text that the JS suite compares', () => {
    expect(messageOf('invalid filter')).toBe(
      "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. (Parameter 'filter')",
    );
  });

  test('[RA-088] not length(userId) gt 5: not binds more tightly', () => {
    expect(messageOf('not length(userId) gt 5')).toBe(
      "Invalid syntax for 'not length(userId)': Type 'null', expect 'bool'. (Parameter 'filter')",
    );
  });

  test.each([
    ['userId lt 1', 'userId lt 1', "Type 'string', expect 'int'."],
    ['ab eq 1', 'ab eq 1', "Token 'ab' is not supported."],
    ["( not 'a' )", "not 'a'", "Type 'string', expect 'bool'."],
    ['invalid(ab,c)', 'invalid(ab,c)', "Token 'invalid(ab,c)' is not supported."],
  ])('[RA-089] %s', (text, quoted, detail) => {
    expect(messageOf(text)).toBe(`Invalid syntax for '${quoted}': ${detail} (Parameter 'filter')`);
  });

  test('[RA-090] both sides are checked', () => {
    expect(faultOf('true or userId')).toEqual({ quoted: 'true or userId', detail: "Type 'string', expect 'bool'." });
    expect(faultOf('false and 1')).toEqual({ quoted: 'false and 1', detail: "Type 'int', expect 'bool'." });
    expect(faultOf('true or (1 eq 1 and groups)').detail).toBe("Type 'collection', expect 'bool'.");
  });

  test.each([
    ['indexof(userId,1) ge 0', 'indexof(userId,1)', "Type 'int', expect 'string'."],
    ["length(userId) gt 'a'", "length(userId) gt 'a'", "Type 'string', expect 'int'."],
    ['tolower(userId) lt 1', 'tolower(userId) lt 1', "Type 'string', expect 'int'."],
    ['userId gt null', 'userId gt null', "Type 'string', expect 'int'."],
    ['concat(userId,true) eq null', 'concat(userId,true)', "Type 'bool', expect 'string'."],
    ['startswith(null,groups)', 'startswith(null,groups)', "Type 'collection', expect 'string'."],
    ["substring(userId,'a') eq 'a'", "substring(userId,'a')", "Type 'string', expect 'int'."],
    ["substring('a',length(userId)) eq 'a'", "substring('a',length(userId))", "Type 'null', expect 'int'."],
    ['substring(null,0,false) eq null', 'substring(null,0,false)', "Type 'bool', expect 'int'."],
    ['true in userId', 'true in userId', "Type 'string', expect 'collection'."],
    ['userId in null', 'userId in null', "Type 'null', expect 'collection'."],
  ])('[RA-094] types that null hides are checked too: %s', (text, quoted, detail) => {
    expect(faultOf(text)).toEqual({ quoted, detail });
  });

  test.each([
    ['1   eq  1 and\n(true or  userId )', 'true or userId'],
    ['userId or (1 eq 1)', 'userId or (1 eq 1)'],
    ["not(userId in ( 'a' ,  null , -1)) and 1", "(not (userId in ('a',null,-1))) and 1"],
    ['true or false or 1', '(true or false) or 1'],
    ["'it''s' and true", "'it''s' and true"],
    ['USERID and (true in groups)', 'USERID and (true in groups)'],
    ['substring( userId , 0 ,1 ) and true', 'substring(userId,0,1) and true'],
    ['userId in (true and 1)', 'true and 1'],
    ['true and ab', 'true and ab'],
    ["concat('a',ab) eq 1", "concat('a',ab)"],
    ['userId in (ab, 1)', 'userId in (ab,1)'],
    ['not ab', 'not ab'],
    ['( ab )', '( ab )'],
  ])('%s quotes the smallest operator or call around what is wrong', (text, quoted) => {
    const message = messageOf(text);
    expect(message.startsWith(`Invalid syntax for '${quoted}': T`)).toBe(true);
  });

  test.each([
    ['', 'Operand expected', 0],
    ['  ', 'Operand expected', 2],
    ["userId eq 'a", 'Unterminated string', 10],
    ["duration'", 'Unterminated string', 8],
    ['(true', "')' expected", 5],
    ['not (true', "')' expected", 9],
    ['length(userId', "')' or ',' expected", 13],
    ["userId in ('a'", "')' or ',' expected", 14],
    ['userId in ', 'Operand expected', 10],
    ['userId in (', 'Operand expected', 11],
    ['userId eq', 'Operand expected', 9],
    ['and true', 'Operand expected', 0],
    ['true and or true', 'Operand expected', 9],
    ['length(,userId) eq 1', 'Operand expected', 7],
    ['()', 'Operand expected', 1],
    ['true)', 'Syntax error', 5],
    ['true true', 'Syntax error', 9],
    ['(true true)', 'Syntax error', 10],
    ["'a' in groups in (true)", 'Syntax error', 16],
    ['true, true', 'Syntax error', 5],
    ['true(1)', 'Syntax error', 5],
    ['userId = 1', "Unexpected character '='", 7],
    ['userId eq "a"', "Unexpected character '\"'", 10],
    ['👍 eq 1', "Unexpected character '👍'", 0],
    ['true \u0000', "Unexpected character '\u0000'", 5],
    ["userId in ['a']", "Unexpected character '['", 10],
  ])('%j: %s at position %i', (text, what, position) => {
    expect(messageOf(text)).toBe(
      `Invalid syntax for '${text}': ${what} at position ${position} in '${text}'. (Parameter 'filter')`,
    );
  });
});

describe('limits', () => {
  const nested = (depth: number) => `${'('.repeat(depth)}true${')'.repeat(depth)}`;
  const chain = (parts: number) => Array.from({ length: parts }, () => 'true').join(' and ');

  test('100 parentheses may be nested', () => {
    expect(verdicts(nested(100))).toBe('TTT');
    expect(faultOf(nested(101)).detail).toContain('Parentheses more than 100 deep at position 100 in ');
  });

  test('parentheses of calls and lists count, those side by side do not', () => {
    expect(verdicts(`${'tolower('.repeat(100)}userId${')'.repeat(100)} eq 'ann'`)).toBe('TFF');
    expect(messageOf(`${'tolower('.repeat(101)}userId${')'.repeat(101)} eq 'ann'`)).toContain('100 deep');
    expect(messageOf(`${'1 in ('.repeat(101)}1${')'.repeat(101)}`)).toContain('100 deep');
    expect(verdicts(Array.from({ length: 150 }, () => '(true)').join(' and '))).toBe('TTT');
  });

  test('there may be 2000 operands and operators', () => {
    expect(verdicts(`not ${chain(1000)}`)).toBe('FFF'); // 1000 operands, 999 and, 1 not
    expect(messageOf(`not not ${chain(1000)}`)).toContain('More than 2000 operands and operators at position ');
  });

  test.each([
    ['or', `userId eq 'ann'${" or userId eq 'ann'".repeat(499)}`, 'TFF'],
    ['and', `userId eq 'ann'${" and userId eq 'ann'".repeat(499)}`, 'TFF'],
    ['eq', `userId eq 'ann'${' eq true'.repeat(998)}`, 'TFF'],
    ['not', `${'not '.repeat(1997)}(userId eq 'ann')`, 'FTT'],
    ['in', `connectionId eq 'c2' or userId in (${Array.from({ length: 1990 }, (_, at) => at).join()})`, 'FTF'],
  ])('the longest chain of %s runs', (_operator, text, expected) => {
    expect(verdicts(text)).toBe(expected);
  });

  test('a chain alternates and and or as the grammar says', () => {
    const text = Array.from({ length: 200 }, (_, at) => `userId ne 'u${at}' or false and userId eq null`).join(' and ');
    expect(verdicts(text)).toBe('TTT');
  });

  const mebibyte = 2 ** 20;
  test.each([
    '(',
    'not ',
    "'",
    'a or ',
    'a and ',
    'a eq ',
    'f(',
    '1 in (',
    ',',
    ' ',
    '9',
    '-',
    "a'",
    "'a' ",
    '\0',
    '€',
  ])('a mebibyte of %j is refused, in a short message', unit => {
    const message = messageOf(unit.repeat(mebibyte / unit.length));
    expect(message.length).toBeLessThan(4096);
    expect(message).toMatch(/^Invalid syntax for '.* \(Parameter 'filter'\)$/s);
  });

  test('a mebibyte can be a filter', () => {
    expect(verdicts(`${' '.repeat(mebibyte)}userId ne '${"''".repeat(mebibyte / 2)}'`)).toBe('TTT');
    expect(verdicts(`null in (${','.repeat(mebibyte)} userId)`)).toBe('FTF');
  });

  test('a quoted text is cut between characters', () => {
    expect(messageOf(`'${'👍'.repeat(600)}'`)).toContain(`Invalid syntax for ''${'👍'.repeat(511)}…':`);
    expect(messageOf(`'${'x'.repeat(1022)}'`)).toContain(`Invalid syntax for ''${'x'.repeat(1022)}'':`);
  });
});
