import { isIP } from 'node:net';
import type { NatsServerAddress } from './options.js';

/** A server that may be tried. */
export interface Candidate extends NatsServerAddress {
  /** The name in its certificate, where `host` is an address that another server told. */
  readonly tlsName: string;
}

/** Servers in turn: those that are configured in their order, then those of which the servers themselves tell. [CL-015] */
export class ServerList {
  readonly #configured: readonly Candidate[];
  #told: readonly Candidate[] = [];
  #last: Candidate | undefined;

  constructor(servers: readonly NatsServerAddress[]) {
    this.#configured = servers.map(server => ({ ...server, tlsName: server.host }));
  }

  /** The one after the one that was last given, from the beginning after the last. */
  next(): Candidate {
    const all = [...this.#configured, ...this.#told];
    const last = this.#last;
    const at = last === undefined ? -1 : all.findIndex(server => isSame(server, last));
    const next = all[(at + 1) % all.length];
    if (next === undefined) throw new Error('there is no NATS server to connect to');
    this.#last = next;
    return next;
  }

  /** @param urls `host:port` of all servers of the cluster, as the server says that is used; it replaces what was said before */
  learn(urls: readonly string[], from: Candidate): void {
    this.#told = urls
      .map(url => toldBy(from, new URL(`nats://${url}`)))
      .filter(server => !this.#configured.some(other => isSame(other, server)));
  }
}

/** Servers tell addresses, mostly: their certificates are for the name by which one of them is configured. */
function toldBy({ isTls, login, tlsName }: Candidate, { hostname, port }: URL): Candidate {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(port), isTls, login, tlsName: isIP(host) !== 0 && isIP(tlsName) === 0 ? tlsName : host };
}

function isSame(one: NatsServerAddress, other: NatsServerAddress): boolean {
  return one.host === other.host && one.port === other.port;
}
