import { describe, expect, test } from 'vitest';
import { Endpoints } from '../../../src/auth/endpoints.js';
import { developmentKey } from '../../../src/cli/key-settings.js';
import { type TokenQuestion, tokenFindings } from '../../../src/doctor/token-findings.js';
import { inShort } from '../../support/doctor.js';
import { signText, signToken } from '../../support/tokens.js';

const nowMs = Date.parse('2026-11-29T12:00:00Z');
const now = nowMs / 1000;
const both = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** A token with which all is well, but for `changed`. */
function tokenWith(changed: object = {}, key = developmentKey): string {
  return signToken(
    { aud: 'https://hub.example/client/hubs/chat', exp: now + 60, sub: 'ann', role: both, ...changed },
    key,
  );
}

function found(text: string, changes: Partial<TokenQuestion> = {}) {
  return tokenFindings({
    text,
    hub: 'chat',
    group: undefined,
    keys: { primary: developmentKey, secondary: undefined },
    endpoints: new Endpoints(['https://hub.example'], () => ''),
    entraAudiences: ['https://webpubsub.azure.com'],
    nowMs,
    ...changes,
  });
}

describe('a token', () => {
  test('with which all is well, alone and in a URL', () => {
    const token = tokenWith();
    expect(inShort(found(token))).toEqual(['ok token']);
    expect(inShort(found(`wss://hub.example/client/hubs/chat?access_token=${token}`))).toEqual(['ok token']);
    expect(inShort(found(token, { hub: undefined, group: 'g1' }))).toEqual(['ok token']);
  });

  test('that is none', () => {
    expect(inShort(found('x'))).toEqual(['error token give']);
  });

  test.each([
    [
      'no role for the group',
      ['webpubsub.joinLeaveGroup.other'],
      'no joinLeaveGroup permission for group g1; the nearest role is "webpubsub.joinLeaveGroup.other"',
    ],
    [
      'a pattern that does not match',
      ['webpubsub.joinLeaveGroups.room-*'],
      'no joinLeaveGroup permission for group g1; the nearest role is "webpubsub.joinLeaveGroups.room-*"',
    ],
    ['no role at all', [], 'no joinLeaveGroup permission for group g1'],
  ])('[MG-222] role: %s', (_, role, seen) => {
    const findings = found(tokenWith({ role }), { group: 'g1' });
    expect(inShort(findings)).toEqual(['error role add', 'error role add']);
    expect(findings[0]).toMatchObject({ seen, advice: [expect.stringContaining('"webpubsub.joinLeaveGroup.g1"')] });
    expect(findings[1]!.advice[0]).toContain('"webpubsub.sendToGroup.g1"');
  });

  test('[MG-222] role: misspelled, and none for any group', () => {
    const findings = found(tokenWith({ role: ['webpubsub.sendToGruop'] }));
    expect(inShort(findings)).toEqual(['warning role did', 'warning role add']);
    expect(findings[0]!.advice).toEqual(['did you mean "webpubsub.sendToGroup"?']);
  });

  test.each([
    [
      'another host',
      { aud: 'http://localhost:8080/client/hubs/chat' },
      'token is for http://localhost:8080/client/hubs/chat; this service answers to hub.example/client/hubs/chat (HUBWIRE_ENDPOINT)',
    ],
    [
      'no audience',
      { aud: undefined },
      'token has no aud claim; this service answers to hub.example/client/hubs/chat (HUBWIRE_ENDPOINT)',
    ],
  ])('[MG-223] token-aud: %s', (_, changed, seen) => {
    const findings = found(tokenWith(changed));
    expect(inShort(findings)).toEqual(['error token-aud set']);
    expect(findings[0]!.seen).toBe(seen);
  });

  test('[MG-223] token-aud: another hub', () => {
    const [finding] = found(tokenWith({ aud: 'https://hub.example/client/hubs/caht' }));
    expect(finding).toMatchObject({
      code: 'token-aud',
      seen: 'token is for another hub or path: https://hub.example/client/hubs/caht; this request needs a token for hub.example/client/hubs/chat',
      advice: ['get a token for clients of hub "chat", or connect to the hub that the token is for'],
    });
  });

  test('in a URL: its host is one that the service takes', () => {
    const token = tokenWith({ aud: 'http://127.0.0.1:8080/client/hubs/chat' });
    expect(inShort(found(`ws://127.0.0.1:8080/client/hubs/chat?access_token=${token}`))).toEqual(['ok token']);
    const findings = found(`ws://other:8080/client/hubs/chat?access_token=${token}`);
    expect(inShort(findings)).toEqual(['error token-aud set']);
    expect(findings[0]!.seen).toContain('answers to hub.example/client/hubs/chat, other:8080/client/hubs/chat');
    expect(JSON.stringify(findings)).not.toContain(token);
  });

  test('[MG-223] token-aud: signed with neither key', () => {
    const findings = found(tokenWith({}, 'another-key-of-at-least-32-bytes-0123456789'), {
      keys: { primary: developmentKey, secondary: 'the-second-key-0123456789-0123456789-01' },
    });
    expect(inShort(findings)).toEqual(['error token-aud make']);
  });

  test('[MG-227] key: signed with the bytes that the key decodes to', () => {
    const decoded = Buffer.from(developmentKey, 'base64') as unknown as string;
    const findings = found(tokenWith({}, decoded));
    expect(inShort(findings)).toEqual(['error key use']);
    expect(JSON.stringify(findings)).not.toContain(developmentKey);
  });

  test.each([
    ['exp is past', { exp: now - 400 }, 'the token has expired, 400 s ago by the clock of this machine', 'get'],
    [
      'nbf is ahead',
      { nbf: now + 400 },
      'the token is not valid yet: it begins in 400 s by the clock of this machine',
      'correct',
    ],
  ])('[MG-224] token-time: %s', (_, changed, seen, word) => {
    const findings = found(tokenWith(changed));
    expect(inShort(findings)).toEqual([`error token-time ${word}`]);
    expect(findings[0]!.seen).toBe(seen);
  });

  test('[MG-224] token-time: exp is a text', () => {
    // Libraries refuse to sign it.
    const claims = { aud: 'https://hub.example/client/hubs/chat', exp: '1', role: both };
    const findings = found(signText(JSON.stringify(claims)));
    expect(inShort(findings)).toEqual(['error token-time get']);
    expect(findings[0]!.seen).toBe('exp is a string; it must be a number: seconds since 1970');
  });

  test('[MG-225] entra-as-client: an Entra ID token', () => {
    const token = signToken({ aud: 'https://webpubsub.azure.com/', exp: now + 60 }, 'x'.repeat(32));
    expect(inShort(found(token))).toEqual(['error entra-as-client get']);
  });
});
