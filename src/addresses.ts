/** Wildcard addresses: every address of the machine. */
const wildcards: readonly string[] = ['0.0.0.0', '::'];

/**
 * A URL at which the listener answers from this machine. `localhost` is what a person types, where it leads there: an
 * address of one's own such as 127.0.0.2 or ::1 need not be what that name stands for.
 * @param host a name, or an address without brackets
 */
export function urlOf(host: string, port: number, scheme: 'http' | 'https' = 'http'): string {
  const isLocalhost = host === 'localhost' || host === '127.0.0.1' || wildcards.includes(host);
  const address = host.includes(':') ? `[${host.replace(/%.*/, '')}]` : host; // a URL has no place for a zone
  return `${scheme}://${isLocalhost ? 'localhost' : address}:${port}`;
}

/** Can only this machine reach the address? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
