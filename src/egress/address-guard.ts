import { BlockList, isIP } from 'node:net';
import { PubSubError } from '../errors.js';
import type { AddressGuard } from './connector.js';

/** Networks that are not the public Internet, or that lead to one that is not. [RFC 6890, and the IANA special-purpose registries] */
const refusedNetworks = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared between a provider and its customers
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, with the metadata of cloud machines
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  '::/96', // unspecified, loopback, and IPv4-compatible
  '::ffff:0:0/96', // IPv4-mapped
  '64:ff9b::/96', // NAT64
  '64:ff9b:1::/48', // NAT64 for local use
  '100::/64', // discard
  '2001::/23', // protocol assignments, with Teredo
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
  '5f00::/16', // segment routing
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10', // site-local
  'ff00::/8', // multicast
] as const;

const loopbacks = ['127.0.0.0/8', '::1/128'] as const;

export interface AddressGuardOptions {
  /** Addresses and networks, such as `10.1.0.0/16`, that are allowed all the same. */
  readonly allow?: readonly string[] | undefined;
  /** This machine is allowed: for development. */
  readonly allowsLoopback?: boolean | undefined;
}

/**
 * Allows public addresses only, and those that are listed. An address that cannot be read is refused.
 * @throws PubSubError `invalid` for an item of `allow` that is no address or network
 */
export function publicAddresses({ allow = [], allowsLoopback = false }: AddressGuardOptions = {}): AddressGuard {
  const allowed = networks([...allow, ...(allowsLoopback ? loopbacks : [])]);
  return given => {
    const address = given.replace(/%.*$/, ''); // a zone says which interface, not which address
    const family = isIP(address);
    if (family === 0) return false;
    const kind = family === 4 ? 'ipv4' : 'ipv6';
    return allowed[kind].check(address, kind) || !refused[kind].check(address, kind);
  };
}

const refused = networks(refusedNetworks);

/** A list for each family: one list for both would take `::ffff:0:0/96` for every IPv4 address. */
interface Networks {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

function networks(texts: readonly string[]): Networks {
  const lists: Networks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of texts) add(lists, text);
  return lists;
}

function add(lists: Networks, network: string): void {
  const [address = '', bits, ...rest] = network.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.POSITIVE_INFINITY;
  if (family === 0 || prefix > most || rest.length > 0) {
    throw new PubSubError(
      'invalid',
      `${JSON.stringify(network.slice(0, 100))} is no address or network: write it as 10.1.0.0/16, 192.0.2.7 or fd00::/8`,
    );
  }
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  lists[kind].addSubnet(address, prefix, kind);
}
