import { expect, test } from 'vitest';
import { utf8Of, withoutMark } from '../../../src/protocols/text.js';

const mark = Buffer.from([0xef, 0xbb, 0xbf]);

test.each([
  ['utf-8', Buffer.from('José')],
  ['UTF-8', Buffer.concat([mark, Buffer.from('José')])],
  ['utf8', Buffer.concat([mark, Buffer.from('José')])],
  ['iso-8859-1', Buffer.from('José', 'latin1')],
  ['windows-1252', Buffer.from('José', 'latin1')],
  ['utf-16', Buffer.from('\ufeffJosé', 'utf16le')],
  ['utf-16le', Buffer.from('José', 'utf16le')],
  ['utf-16', Buffer.from('\ufeffJosé', 'utf16le').swap16()],
  ['utf-16be', Buffer.from('José', 'utf16le').swap16()],
])('[V05] [D12] text in %s is known in UTF-8, without a byte order mark', (charset, body) => {
  expect(utf8Of(body, charset)).toEqual(Buffer.from('José'));
});

test('[V05] what is not in its charset, or in one that is not known, is told', () => {
  expect(utf8Of(Buffer.from([0xff]), 'utf-8')).toEqual({ reason: 'notThatCharset', charset: 'utf-8' });
  expect(utf8Of(Buffer.from('x'), 'klingon')).toEqual({ reason: 'unknownCharset', charset: 'klingon' });
});

test('[D12] a byte order mark is skipped once, and only as a whole', () => {
  expect(withoutMark(Buffer.concat([mark, mark]))).toEqual(mark);
  for (const rest of [Buffer.alloc(0), mark.subarray(0, 2), mark.subarray(1)]) expect(withoutMark(rest)).toEqual(rest);
});
