import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Whose `X-Forwarded-Host` is believed: everybody's, nobody's, or that of a comma list of addresses and networks. */
export type TrustProxy = boolean | string;

/** The host that a client asked for. Of several forwarded ones the last is the one our own proxy wrote. [design 6] */
export function requestHostReader(trustProxy: TrustProxy): (request: IncomingMessage) => string | undefined {
  const isTrusted = trustedPeers(trustProxy);
  return request => {
    const forwarded = request.headers['x-forwarded-host'];
    if (forwarded === undefined || !isTrusted(request.socket.remoteAddress ?? '')) return request.headers.host;
    return String(forwarded).split(',').at(-1)?.trim();
  };
}

function trustedPeers(trustProxy: TrustProxy): (address: string) => boolean {
  if (typeof trustProxy === 'boolean') return () => trustProxy;
  const trusted = new BlockList();
  for (const place of trustProxy.split(',')) {
    const [address = '', bits] = place.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  // Sockets that listen for both families show IPv4 peers inside IPv6 addresses.
  return peer => {
    const address = peer.replace(/^::ffff:(?=\d+\.)/i, '');
    return isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  };
}
