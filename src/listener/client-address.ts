import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../addresses.js';
import { headerOf } from './header-lines.js';

/** Peers whose forwarding headers are trusted: all, none, or a comma-separated list of addresses and networks. */
export type TrustProxy = boolean | string;

/** @returns whether a peer is a proxy whose forwarding headers are trusted */
export function trustedPeers(trustProxy: TrustProxy): (address: string) => boolean {
  if (typeof trustProxy === 'boolean') return () => trustProxy;
  const trusted = new BlockList();
  for (const place of trustProxy.split(',')) {
    const [address = '', bits] = place.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  return peer => {
    const address = withoutMapping(peer);
    return isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * The client's address as forwarded by a trusted proxy: of several ones the last that is not a trusted proxy's, or, if all
 * peers are trusted, the last one, which our own proxy wrote. Undefined when the peer is not a trusted proxy or forwards none.
 */
export function forwardedAddress(
  request: IncomingMessage,
  trustProxy: TrustProxy,
  isTrusted: (address: string) => boolean,
): string | undefined {
  const forwarded = headerOf(request, 'x-forwarded-for');
  if (forwarded === undefined || !isTrusted(request.socket.remoteAddress ?? '')) return undefined;
  const addresses = forwarded
    .split(',')
    .map(text => withoutPort(text.trim()))
    .filter(text => text !== '');
  if (trustProxy === true) return addresses.at(-1);
  return addresses.findLast(address => !isTrusted(address)) ?? addresses[0];
}

/** Some proxies add the port. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}

/** Sockets that listen for both families show IPv4 peers inside IPv6 addresses. Hot path: an IPv4 address is not searched. */
function withoutMapping(address: string): string {
  return address.startsWith('::') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address;
}

/** Who is one client, by its address: an IPv4 address, or the 64 bits of an IPv6 address that name a site. [RFC 6177] */
export function networkOf(address: string): string {
  const plain = withoutMapping(address);
  if (!plain.includes(':') || isIP(plain) !== 6) return plain.slice(0, 64);
  const [before = '', after] = plain.split('%', 1)[0]?.toLowerCase().split('::') ?? [];
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const tailLength = tail.length + (tail.at(-1)?.includes('.') === true ? 1 : 0);
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tailLength);
  const groups = [...head, ...new Array<string>(zeros).fill('0'), ...tail].slice(0, 4);
  return `${groups.map(group => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}

/** Is it a loopback address? */
export function isLoopbackAddress(address: string): boolean {
  return isLoopback(withoutMapping(address));
}
