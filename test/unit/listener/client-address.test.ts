import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import {
  forwardedAddress,
  isLoopbackAddress,
  networkOf,
  type TrustProxy,
  trustedPeers,
} from '../../../src/listener/client-address.js';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001::1', '2001:db8:1:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['unknown', 'unknown'],
  ['x'.repeat(100), 'x'.repeat(64)],
])('[F15] %s counts as %s', (address, network) => expect(networkOf(address)).toBe(network));

test.each<[TrustProxy, string, string | undefined, string | undefined]>([
  [false, '127.0.0.1', '203.0.113.9', undefined],
  [true, '10.0.0.1', undefined, undefined],
  [true, '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  [true, '10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  [true, '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
  [true, '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  [true, '10.0.0.1', ' , ', undefined],
  ['10.0.0.0/8', '10.0.0.1', 'made-up, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['10.0.0.0/8', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['10.0.0.0/8', '203.0.113.1', '203.0.113.9', undefined],
])('[F15] trusting %s, from %s with X-Forwarded-For %s: %s', (trust, peer, forwarded, address) => {
  const rawHeaders = forwarded === undefined ? [] : ['X-Forwarded-For', forwarded];
  const request = { rawHeaders, socket: { remoteAddress: peer } } as unknown as IncomingMessage;
  expect(forwardedAddress(request, trust, trustedPeers(trust))).toBe(address);
});

test('an address of this machine', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].every(isLoopbackAddress)).toBe(true);
  expect(['128.0.0.1', '::2', '::ffff:128.0.0.1'].some(isLoopbackAddress)).toBe(false);
});
