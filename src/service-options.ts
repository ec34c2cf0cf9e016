import type { Logger } from 'pino';
import type { KeySources } from './auth/key-sources.js';
import type { AccessKeys } from './auth/keys.js';
import type { Clock } from './clock.js';
import type { MakeCluster } from './clustering.js';
import type { Config } from './config/load.js';
import type { SharedHubs } from './config/shared-hubs.js';
import type { ProxySettings } from './egress/proxy.js';
import type { Backplane, Observer } from './hub/ports.js';
import type { CertificateFiles } from './listener/certificate.js';
import type { TrustProxy } from './listener/client-address.js';
import type { ListenerTimeouts } from './listener/http-settings.js';
import type { ApiApps } from './pusher-api/apps.js';
import type { Apps } from './sockets/entrances/pusher.js';

/** Tokens of the admin listener, and URLs under which it is reached. */
export interface AdminAccess {
  readonly adminToken: string | undefined;
  /** The admin token was made by this process, and ends with it. */
  readonly isGenerated: boolean;
  /** For GET only. */
  readonly readToken: string | undefined;
  readonly origins: readonly string[];
}

export interface ServiceOptions {
  /** Address of the public listener; port 0 is any free one. */
  readonly host: string;
  readonly port: number;
  /** Address of the admin listener; undefined: none. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** A `Keys` object may be changed while the service runs. */
  readonly keys: AccessKeys;
  /** Where the keys come from, which decides whether they can be changed from outside. Left out: they cannot. */
  readonly keySources?: KeySources | undefined;
  /** Public endpoints, as URLs; none: the public listener's own address. */
  readonly endpoints: readonly string[];
  readonly config: Config;
  /** Where durable data is kept. Made when something durable is configured. */
  readonly dataDirectory?: string | undefined;
  /** Webhooks may go to this machine, as in development. Otherwise `webhooks.egress.allow` has to name its addresses. */
  readonly allowsLoopbackWebhooks?: boolean | undefined;
  /** Who may call the routes for operators of the admin listener. Left out: nobody. */
  readonly adminAccess?: AdminAccess | undefined;
  /** Of the admin listener, followed while it runs; none: plain HTTP. */
  readonly adminTls?: CertificateFiles | undefined;
  /** Of the public listener, followed while it runs; none: plain HTTP. */
  readonly tls?: CertificateFiles | undefined;
  /** Peers whose forwarding headers are trusted: all, or a comma-separated list of addresses and networks. */
  readonly trustProxy?: TrustProxy | undefined;
  /** On the way to upstreams and to issuers of tokens; none when left out. */
  readonly proxies?: ProxySettings | undefined;
  readonly log: Logger;
  readonly version: string;
  /** URL of this program's documentation; shown at `/` of both listeners. */
  readonly documentation?: string | undefined;
  /** Of both listeners. */
  readonly timeouts?: ListenerTimeouts;
  /** It is one of several on this machine, which share what has to be there once. */
  readonly isWorker?: boolean | undefined;
  /** Over how long the clients are closed when the service stops; 10 s when left out. */
  readonly drainMs?: number | undefined;
  readonly clock?: Clock;
  readonly backplane?: Backplane;
  /** Makes this node one of several, which share a backplane. Left out: it is alone. */
  readonly cluster?: MakeCluster | undefined;
  readonly observer?: Partial<Observer>;
  /** Apps of Pusher clients and their servers. Left out: those of the configuration in use. */
  readonly apps?: PusherApps | undefined;
}

/** What is special about a hubs file that is followed. */
export interface WatchedFile {
  readonly isMissing?: boolean | undefined;
  /** What is followed and edited in place of the file. */
  readonly shared?: SharedHubs | undefined;
}

/** For the entrance and for the HTTP API. */
export interface PusherApps extends Apps, ApiApps {}
