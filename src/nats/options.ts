/** How NATS is reached, and under which name its subjects, streams and buckets are kept. [cluster 2] */
export interface NatsOptions {
  /** At least one; tried in this order. */
  readonly servers: readonly NatsServerAddress[];
  /** A `.creds` file, or one with the seed of an nkey; read at each attempt to connect. */
  readonly credentialsFile?: string | undefined;
  /** PEM files; read at each attempt to connect. With any of them TLS is required. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Two clusters of different names share nothing on one NATS. [CL-122] */
  readonly clusterName: string;
  /** One server, for these nodes alone: there is no other one for copies. */
  readonly isPrivate?: boolean | undefined;
  /** For people: names of connections, warnings. */
  readonly nodeName: string;
}

export interface NatsServerAddress {
  readonly host: string;
  readonly port: number;
  /** `tls://`: a server without TLS is refused. */
  readonly isTls: boolean;
  /** Of the URL; secret. */
  readonly login?: NatsLogin | undefined;
}

export type NatsLogin = { readonly token: string } | { readonly user: string; readonly password: string };

export const defaultClusterName = 'hw';
const defaultPort = 4222;
const schemes: readonly string[] = ['nats:', 'tls:', 'nats+tls:'];

const howToWriteLogins = 'in user and password `/` is written %2F, `@` %40, `:` %3A, `,` %2C and `%` %25';

/** A text that is no list of URLs of NATS servers. The message contains no secret. */
export class NatsUrlError extends Error {
  override readonly name = 'NatsUrlError';
}

/**
 * `nats://user:password@host:4222,tls://token@other,third:4222` → addresses. Scheme and port may be left out.
 * @throws NatsUrlError that says which entry is wrong, by its place in the list: an entry may contain a password
 */
export function parseNatsUrls(text: string): readonly NatsServerAddress[] {
  return text.split(',').map((entry, index) => {
    try {
      return addressOf(entry.trim());
    } catch (error) {
      const reason = error instanceof NatsUrlError ? error.message : 'it is not a URL';
      // The sign may be in another entry: a comma divides the password too.
      const hint = text.includes('@') ? `; ${howToWriteLogins}` : '';
      throw new NatsUrlError(
        `entry ${index + 1} of the NATS servers: ${reason}; write it as nats://host:${defaultPort}${hint}`,
      );
    }
  });
}

function addressOf(entry: string): NatsServerAddress {
  if (entry === '') throw new NatsUrlError('it is empty');
  const url = new URL(entry.includes('://') ? entry : `nats://${entry}`);
  if (!schemes.includes(url.protocol)) throw new NatsUrlError(`the scheme ${url.protocol}// is not one of NATS`);
  if (url.hostname === '') throw new NatsUrlError('it has no host');
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') {
    throw new NatsUrlError('nothing may follow host and port');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
    isTls: url.protocol !== 'nats:',
    login: loginOf(url),
  };
}

/** A user alone is a token, as in every NATS client. */
function loginOf({ username, password }: URL): NatsLogin | undefined {
  if (username === '') return undefined;
  const user = decodeURIComponent(username);
  return password === '' ? { token: user } : { user, password: decodeURIComponent(password) };
}

/** `host:port`, for logs and errors: never with credentials. */
export function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
