import { describe, expect, test } from 'vitest';
import { publicAddresses } from '../../../src/egress/address-guard.js';

const isPublic = publicAddresses();

test.each(['8.8.8.8', '1.1.1.1', '192.0.1.1', '2606:4700:4700::1111', '2a00:1450::1'])('%s is public', address => {
  expect(isPublic(address)).toBe(true);
});

test.each([
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.255', '169.254.169.254', '172.16.0.1'],
  ...['172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.7', '203.0.113.7'],
  ...['224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...[
    '::',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:a00:1',
    '64:ff9b::808:808',
    '64:ff9b:1::1',
  ],
  ...['100::1', '2001::1', '2001:db8::1', '2002:7f00:1::', 'fc00::1', 'fd12::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1'],
  ...['ff02::1', '', 'localhost', '2130706433', '0x7f000001', '017700000001'],
])('[PW-057] %s is refused', address => {
  expect(isPublic(address)).toBe(false);
});

describe('what is allowed', () => {
  test('[PW-057] are the networks that are listed, and nothing else', () => {
    const guard = publicAddresses({ allow: ['10.1.0.0/16', '192.168.7.7', 'fd00::/8'] });
    expect(['10.1.255.1', '192.168.7.7', 'fd00::1', '8.8.8.8'].every(guard)).toBe(true);
    expect(['10.2.0.1', '192.168.7.8', 'fc00::1', '::ffff:10.1.0.1', '127.0.0.1'].some(guard)).toBe(false);
  });

  test('is this machine, for development', () => {
    const guard = publicAddresses({ allowsLoopback: true });
    expect(['127.0.0.1', '127.9.9.9', '::1'].every(guard)).toBe(true);
    expect(['::ffff:127.0.0.1', '0.0.0.0', '10.0.0.1'].some(guard)).toBe(false);
  });

  test.each(['10.0.0.0/33', '10.0.0.0/', 'fd00::/129', 'example.com', '10.0.0/8', '10.0.0.0/8/9', ''])(
    'is not %j: no address or network',
    network => {
      expect(() => publicAddresses({ allow: [network] })).toThrow(
        /is no address or network: write it as 10\.1\.0\.0\/16/,
      );
    },
  );
});
