import { describe, expect, test } from 'vitest';
import { findProtocol } from '../../../src/protocols/index.js';
import { canonicalHubName, isEventName, isGroupName, isHubName, isUserId } from '../../../src/protocols/names.js';

describe('hub names', () => {
  test.each(['a', 'Z', 'a`,.[]_1', 'h'.repeat(128)])('[RA-021] %s is one', name => {
    expect(isHubName(name)).toBe(true);
  });

  test.each(['', '9a', '1abc', 'a-b', '_a', 'a b', 'é', 'a/b', 'a\n', 'a\\', 'h'.repeat(129)])(
    '[CP-013] [RA-021] %j is none',
    name => expect(isHubName(name)).toBe(false),
  );

  test('[CP-012] letter case does not tell hubs apart', () => {
    expect(canonicalHubName('CHAT')).toBe(canonicalHubName('chat'));
  });
});

describe('group names', () => {
  test.each(['a', ' a ', '*', '...', '.a', 'é'.repeat(1024), '\u0000', '$share/x'])('[RA-023] %j is one', name => {
    expect(isGroupName(name)).toBe(true);
  });

  test.each(['', ' ', '\t\r\n', '\u2003', 'g'.repeat(1025), '😀'.repeat(513)])('[RA-023] %j is none', name => {
    expect(isGroupName(name)).toBe(false);
  });
});

describe('user ids', () => {
  test.each(['a', 'José', '日本', '😀', 'a b', 'a/b', '...', '.a', 'a.', 'A', '%2e%2e', 'é'.repeat(1024)])(
    '%j is one',
    id => {
      expect(isUserId(id)).toBe(true);
    },
  );

  test.each(['admin ', ' admin', '\u00a0admin', 'admin\u2003', 'admin\ufeff'])(
    '[D01] %j has white space at an end',
    id => {
      expect(isUserId(id)).toBe(false);
    },
  );

  test.each(['', ' ', '\t', '\u3000'])('[V06] %j is blank', id => expect(isUserId(id)).toBe(false));

  test.each(['a\r\nX: 1', 'a\tb', 'a\u0000', 'a\u007f', 'a'.repeat(1025), '😀'.repeat(513), 'a\ud83d', '\ude00a'])(
    '[F6] %j cannot be sent in a header',
    id => expect(isUserId(id)).toBe(false),
  );
});

test.each(['.', '..'])('[D07] %j is no name, as URL parsers remove it from a path', name => {
  expect([isHubName(name), isGroupName(name), isUserId(name)]).toEqual([false, false, false]);
});

test('[CP-066] event names start with a letter and have up to 128 characters', () => {
  for (const name of ['a', 'A.b_c-1', 'e'.repeat(128)]) expect(isEventName(name)).toBe(true);
  for (const name of ['', '1x', '-a', 'a b', 'é', 'a\n', 'e'.repeat(129)]) expect(isEventName(name)).toBe(false);
});

test('[CP-023] a subprotocol is found in any letter case; others are not ours', () => {
  expect(findProtocol('json.webpubsub.azure.v1')).toBe(findProtocol('JSON.WebPubSub.Azure.V1'));
  expect(findProtocol('json.webpubsub.azure.v1')?.subprotocol).toBe('json.webpubsub.azure.v1');
  for (const name of ['', 'json', 'json.webpubsub.azure.v2', 'custom.x', 'undefined'])
    expect(findProtocol(name)).toBeUndefined();
});
