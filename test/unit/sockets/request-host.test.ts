import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { TrustProxy } from '../../../src/listener/client-address.js';
import { requestHostReader } from '../../../src/sockets/request-host.js';

function hostOf(trust: TrustProxy, peer: string, forwarded?: string): string | undefined {
  const rawHeaders = ['Host', 'inner:8080', ...(forwarded === undefined ? [] : ['X-Forwarded-Host', forwarded])];
  return requestHostReader(trust)({ rawHeaders, socket: { remoteAddress: peer } } as unknown as IncomingMessage);
}

test.each<[TrustProxy, string, string | undefined, string]>([
  [false, '127.0.0.1', 'public.example', 'inner:8080'],
  [true, '203.0.113.9', 'public.example', 'public.example'],
  [true, '203.0.113.9', undefined, 'inner:8080'],
  [true, '203.0.113.9', 'made-up.example, public.example', 'public.example'],
  [true, '203.0.113.9', '', 'inner:8080'],
  [true, '203.0.113.9', 'public.example, ', 'inner:8080'],
  ['10.0.0.0/8', '10.1.2.3', 'public.example', 'public.example'],
  ['10.0.0.0/8', '::ffff:10.1.2.3', 'public.example', 'public.example'],
  ['10.0.0.0/8', '11.1.2.3', 'public.example', 'inner:8080'],
  ['192.0.2.1,fd00::/8', 'fd00::7', 'public.example', 'public.example'],
  ['192.0.2.1,fd00::/8', '192.0.2.1', 'public.example', 'public.example'],
  ['192.0.2.1,fd00::/8', '192.0.2.2', 'public.example', 'inner:8080'],
  ['10.0.0.0/8', '', 'public.example', 'inner:8080'],
])('[design 6] trusting %s, from %s with X-Forwarded-Host %s: %s', (trust, peer, forwarded, host) => {
  expect(hostOf(trust, peer, forwarded)).toBe(host);
});
