import { describe, expect, test } from 'vitest';
import { newEnvelope, readContent, restamped } from '../../../src/webhooks/envelopes.js';
import { requestHeaders } from '../../../src/webhooks/request-headers.js';
import { pusherSignature, signingSecret, standardSignature } from '../../../src/webhooks/signatures.js';

const secret = 'hubsecret01';
const single = Buffer.from('{"time_ms":1790000000000,"events":[{"name":"channel_occupied","channel":"orders-7"}]}');

describe('X-Pusher-Signature', () => {
  test('[PW-003] [PW-004] is lower-case hex of the body: the examples of the contract', () => {
    expect(pusherSignature(single, secret)).toBe('230f7931b2d89ed86b5ffdb0086deb76031ab7560d7bc7bfd786add5679e2a19');
    const batch = Buffer.from(
      '{"time_ms":1790000000120,"events":[{"name":"member_added","channel":"presence-desk-3","user_id":"u-19"},{"name":"client_event","channel":"presence-desk-3","event":"client-cursor","data":"{\\"x\\":4}","socket_id":"8181.30117","user_id":"u-19"},{"name":"channel_vacated","channel":"orders-7"}]}',
    );
    expect(pusherSignature(batch, secret)).toBe('f25520d0888d727c3ec8f52e4cdbe51e132928f38a8d45bfe8ab64e355c3fc88');
  });

  test('[PW-004] has a prefix only where an endpoint wants it', () => {
    expect(pusherSignature(single, secret, 'sha256-prefixed')).toMatch(/^sha256=230f/);
  });
});

describe('webhook-signature', () => {
  const text = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
  const expected = 'v1,GjWDn072SRDfe4PiNcrsvNGiURSaGscnHplL77N1PvQ=';
  const signed = { id: 'whm_01J9ZK', timestampSeconds: 1790000000, body: single, nowMs: 1790000000000 };

  test('is that of the example of the contract', () => {
    expect(standardSignature([signingSecret(text)], signed)).toBe(expected);
    expect(standardSignature([signingSecret(text.replace('whsec_', ''))], signed)).toBe(expected);
  });

  test('[PW-064] has an item for each secret that has not expired', () => {
    const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const both = [signingSecret(text), signingSecret(other, signed.nowMs + 1)];
    expect(standardSignature(both, signed)).toMatch(/^v1,\S+ v1,\S+$/);
    expect(standardSignature(both, { ...signed, nowMs: signed.nowMs + 1 })).toBe(expected);
  });

  test.each(['', 'whsec_', 'whsec_!!!', `whsec_${Buffer.alloc(23).toString('base64')}`, 'plain secret of somebody'])(
    '%j is no secret',
    given => {
      expect(() => signingSecret(given)).toThrow(
        /^a signing secret is whsec_ and base64 of 24 to 64 random bytes: make/,
      );
    },
  );
});

describe('an envelope', () => {
  const made = newEnvelope({
    endpoint: 'app:42:x',
    source: 'app:42',
    hub: undefined,
    key: undefined,
    createdAtMs: 1790000000000,
    events: ['{"name":"channel_occupied","channel":"orders-7"}'],
  });

  test('[PW-001] has exactly time_ms and events, as the bytes that are signed', () => {
    expect(readContent(made.content)).toMatchObject({ source: 'app:42', events: 1, body: single });
  });

  test('[PW-052] is stamped anew: same id and events, another time, and the first time kept', () => {
    const again = restamped(restamped(made, 1790000400000), 1790000500000);
    const { body, originalTimeMs } = readContent(again.content);
    expect(again).toMatchObject({ id: made.id, endpoint: made.endpoint, createdAtMs: 1790000500000 });
    expect(body.toString()).toBe(single.toString().replace('1790000000000', '1790000500000'));
    expect(originalTimeMs).toBe(1790000000000);
  });

  test('of another version is refused', () => {
    expect(() => readContent(Buffer.from('{"v":2}\n{}'))).toThrow('has version 2, this program reads 1');
  });
});

describe('headers', () => {
  const content = { source: 'app:42', events: 1, originalTimeMs: undefined, body: single };
  const endpoint = { headers: ['Authorization', 'Bearer x'], signatureFormat: 'hex', signingSecrets: [] } as const;
  const request = { id: 'whm_1', attempt: 2, content, now: () => 1790000001999, userAgent: 'A/1', endpoint };

  test('[PW-002] are spelled as libraries of Pusher look for them', () => {
    expect(requestHeaders({ ...request, key: { key: 'hubkey01', secret, active: true } })).toEqual([
      ...['Authorization', 'Bearer x', 'Content-Type', 'application/json', 'User-Agent', 'A/1'],
      ...['X-Pusher-Key', 'hubkey01', 'X-Pusher-Signature', pusherSignature(single, secret)],
      ...['webhook-id', 'whm_1', 'X-Webhook-Attempt', '2'],
    ]);
  });

  test('of a hub have no key of Pusher; a replay tells when it was created; User-Agent can be the endpoint’s own', () => {
    const signingSecrets = [signingSecret(Buffer.alloc(24).toString('base64'))];
    const headers = requestHeaders({
      ...request,
      key: undefined,
      content: { ...content, originalTimeMs: 5 },
      endpoint: { ...endpoint, headers: ['user-agent', 'mine'], signingSecrets },
    });
    expect(headers.filter((_, index) => index % 2 === 0)).toEqual([
      ...['user-agent', 'Content-Type', 'webhook-id', 'webhook-timestamp', 'webhook-signature'],
      ...['X-Webhook-Attempt', 'X-Webhook-Original-Time-Ms'],
    ]);
    expect(headers).toContain('1790000001');
  });
});
