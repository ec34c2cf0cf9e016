import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { signer } from '../../../src/auth/signature.js';

const ofK = 'sha256=e6c96bef3e7ac10ff296f40542e3c8d8d32400c36dfed55771e634023de9741a';

test('[upstream-events 6.3] the check value: key k, connection c1', () => {
  expect(signer({ primary: 'k', secondary: undefined })('c1')).toBe(ofK);
});

test('[UE-110] primary first, then secondary, lower case, joined by a comma without a space', () => {
  const signature = signer({ primary: 'k', secondary: 's' })('c1');
  const ofS = `sha256=${createHmac('sha256', 's').update('c1').digest('hex')}`;
  expect(signature).toBe(`${ofK},${ofS}`);
  expect(signature).toMatch(/^sha256=[0-9a-f]{64},sha256=[0-9a-f]{64}$/);
});

test('[UE-111] the characters of a base64-looking key are the HMAC key', () => {
  const key = 'c2VjcmV0LWtleQ==';
  const sign = signer({ primary: key, secondary: undefined });
  expect(sign('c1')).toBe(`sha256=${createHmac('sha256', Buffer.from(key, 'utf8')).update('c1').digest('hex')}`);
  expect(sign('c1')).not.toBe(`sha256=${createHmac('sha256', Buffer.from(key, 'base64')).update('c1').digest('hex')}`);
});

test('[upstream-events 6.3] the message is the UTF-8 of the connection id', () => {
  const expected = createHmac('sha256', 'k').update(Buffer.from('é日', 'utf8')).digest('hex');
  expect(signer({ primary: 'k', secondary: undefined })('é日')).toBe(`sha256=${expected}`);
});
