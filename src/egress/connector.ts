import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';

/** May requests be sent to this address? Called with the very addresses that a socket is about to be opened to. */
export type AddressGuard = (address: string) => boolean;

/** A socket that cannot be opened within this is a connection failure, which is retried. */
export const connectTimeoutMs = 10_000;

/** `code` of the error when no address of a destination may be connected to. */
export const addressRefused = 'ADDRESS_REFUSED';

/** How sockets are opened. */
export interface SocketRules {
  /** Undefined: to all addresses. */
  readonly guard?: AddressGuard | undefined;
  /** Address of this machine that they have; undefined: the one that the system chooses. */
  readonly localAddress?: string | undefined;
}

/**
 * Opens the sockets of a pool, only to addresses that the guard allows: those of a host name once it is resolved, so that
 * what is checked is what is connected to, or the one that the URL has in place of a name.
 */
export function connectorFor({ guard = () => true, localAddress }: SocketRules): buildConnector.connector {
  const connect = buildConnector({
    timeout: connectTimeoutMs,
    lookup: guardedLookup(guard),
    ...(localAddress !== undefined && { family: isIP(localAddress) }), // a socket has two addresses of the same family
  });
  const own = localAddress === undefined ? {} : { localAddress };
  return (options, callback) => {
    // Addresses are not looked up.
    if (isIP(options.hostname) === 0 || guard(options.hostname)) connect({ ...options, ...own }, callback);
    else callback(refusal(options.hostname), null);
  };
}

function guardedLookup(isAllowed: AddressGuard): LookupFunction {
  return (hostname, options, callback) =>
    dns.lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const allowed = found.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) return callback(refusal(hostname), []);
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
}

function refusal(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`requests may not be sent to the address of ${host}`), { code: addressRefused });
}
