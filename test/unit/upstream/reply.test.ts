import { expect, test } from 'vitest';
import { replyState } from '../../../src/upstream/reply.js';

test('[upstream-events 3.5] state: absent is unchanged, empty is kept, the last line counts', () => {
  expect(replyState({})).toBeUndefined();
  expect(replyState({ 'ce-connectionstate': '' })).toBe('');
  expect(replyState({ 'ce-connectionstate': ['s1', 's2'] })).toBe('s2');
  expect(replyState({ 'ce-connectionstate': 'a, b' })).toBe('a, b');
});

test.each(['naïve', 'a\tb', 'a\x7f', '日本', 'x'.repeat(16 * 1024 + 1)])(
  '[F6] a state that could not be sent back fails the event that it came with: %#',
  state => {
    expect(() => replyState({ 'ce-connectionstate': state })).toThrow(/ce-connectionState cannot be sent back/);
  },
);

test('[F6] a state of 16 KiB is kept', () => {
  const state = 'x'.repeat(16 * 1024);
  expect(replyState({ 'ce-connectionstate': state })).toBe(state);
});
