import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { connect as connectSocket, isIP } from 'node:net';
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  type ServerInfo,
  type TlsOptions,
} from '@nats-io/transport-node';
import { type Clock, within } from '../clock.js';
import type { LinkPurpose } from './events.js';
import { inboxPrefix } from './names.js';
import { hostAndPort, type NatsOptions } from './options.js';
import type { Candidate } from './server-list.js';

/** Until its name has to be resolved, and until a server has to have answered an attempt, at each of its addresses. */
const dialMs = 2_000;
/** Characters of a server's first line, which names the servers of its cluster. */
const longestGreeting = 1_048_576;
const verb = 'INFO ';
/** A server that answers no ping for this long is left: two unanswered pings, noticed with the third. [CL-012] */
const pings = { pingInterval: 1_000, maxPingOut: 2 } as const;

type Greeting = Pick<ServerInfo, 'tls_verify'>;

/**
 * One attempt to connect, at each address of the server in turn. The connection ends for good when its server does: it never
 * connects anew by itself. [cluster 1.2]
 * @throws Error with the reason, which contains no secret
 */
export async function dial(
  server: Candidate,
  options: NatsOptions,
  purpose: LinkPurpose,
  clock: Clock,
): Promise<NatsConnection> {
  const addresses = await addressesOf(server.host, clock);
  let failure: unknown;
  for (const { address } of addresses) {
    try {
      const greeting = await knock(address, server.port);
      return await connectAs(greeting, await clientOptions({ ...server, host: address }, options, purpose));
    } catch (error) {
      failure = isLoginMissing(error, server, options) ? new Error(loginMissing, { cause: error }) : error;
    }
  }
  throw failure;
}

/**
 * What the host's name stands for. A name server that is away keeps a lookup waiting for up to half a minute, which is longer than
 * a lease, while the next server of the list may have an address already. [CL-012]
 * @param resolve as the system's resolver @throws Error when it is not known in time, or there is no such host
 */
export function addressesOf(host: string, clock: Clock, resolve = lookupAll): Promise<readonly LookupAddress[]> {
  const late = () => new Error(`its name was not resolved within ${dialMs / 1_000} s`);
  return within(dialMs, resolve(host), late, clock);
}

function lookupAll(host: string): Promise<readonly LookupAddress[]> {
  return lookup(host, { all: true });
}

const loginMissing =
  'the server requires a login, and none is given: write user and password into the URL (nats://user:password@host:4222), or name a file with --nats-creds';

function isLoginMissing(error: unknown, { login }: Candidate, { credentialsFile, certFile }: NatsOptions): boolean {
  const isRefused = error instanceof Error && error.name === 'AuthorizationError';
  return isRefused && login === undefined && credentialsFile === undefined && certFile === undefined;
}

/**
 * What the NATS server there says first. The client would keep a socket for ever on which no server speaks, as that of a process
 * that stands still, whose connections the kernel accepts.
 * @throws Error when nothing answers in time, or what answers is not a NATS server
 */
async function knock(address: string, port: number): Promise<Greeting> {
  const socket = connectSocket({ host: address, port });
  socket.setTimeout(dialMs, () => socket.destroy(new Error(`no answer within ${dialMs / 1_000} s`)));
  let text = '';
  for await (const part of socket as AsyncIterable<Buffer>) {
    text += part.toString('latin1');
    const greeting = greetingIn(text);
    if (greeting !== undefined) return greeting;
  }
  // Of a proxy whose server is away: it accepts, and closes without a word, which is no error of the socket.
  throw new Error('the connection was closed before anything came');
}

/** Undefined while its line is not complete. @throws Error for what no server says */
function greetingIn(text: string): Greeting | undefined {
  const end = text.indexOf('\r\n');
  try {
    if (!text.startsWith(verb.slice(0, text.length)) || text.length > longestGreeting) throw new Error('no greeting');
    return end < 0 ? undefined : (JSON.parse(text.slice(verb.length, end)) as Greeting);
  } catch (cause) {
    throw new Error('what answers there is not a NATS server', { cause });
  }
}

/**
 * A server that gets no client certificate, or refuses it, closes the connection after the handshake has ended for the client. The
 * reason that it sends may be lost then. [CL-120]
 */
async function connectAs(greeting: Greeting, options: NodeConnectionOptions): Promise<NatsConnection> {
  if (greeting.tls_verify !== true) return connect(options);
  if (options.tls?.certFile === undefined)
    throw new Error('the server requires a client certificate: name it with --nats-cert, and its key with --nats-key');
  try {
    return await connect(options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    throw new Error('the server has closed the connection: it may refuse the client certificate', { cause: error });
  }
}

async function clientOptions(
  { host, port, isTls, login, tlsName }: Candidate,
  options: NatsOptions,
  purpose: LinkPurpose,
): Promise<NodeConnectionOptions> {
  const { clusterName, nodeName, credentialsFile } = options;
  const files = tlsFilesOf(options);
  const needsTls = isTls || Object.keys(files).length > 0;
  // `servername` is sent, which addresses may not be; the certificate is compared with it, or else with `host`.
  const identity = { host: tlsName, ...(isIP(tlsName) === 0 ? { servername: tlsName } : {}) };
  return {
    servers: [hostAndPort({ host, port })],
    name: `hubwire ${clusterName} ${nodeName} ${purpose}`,
    inboxPrefix: inboxPrefix(clusterName),
    reconnect: false,
    timeout: dialMs,
    noEcho: purpose === 'bus',
    noAsyncTraces: true, // else each request takes two stacks, which nobody reads
    ...pings,
    // The client passes all of it on to node:tls.
    ...(needsTls ? { tls: { ...files, ...identity } } : {}),
    ...loginOptions(login),
    ...(credentialsFile === undefined ? {} : { authenticator: authenticatorOf(await readFile(credentialsFile)) }),
  };
}

function tlsFilesOf({ caFile, certFile, keyFile }: NatsOptions): TlsOptions {
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}

function loginOptions(login: Candidate['login']): { token?: string; user?: string; pass?: string } {
  if (login === undefined) return {};
  return 'token' in login ? { token: login.token } : { user: login.user, pass: login.password };
}

/** A `.creds` file has a JWT and a seed; the seed of an nkey may stand by itself. */
function authenticatorOf(file: Buffer): Authenticator {
  const text = file.toString('utf8').trim();
  return text.startsWith('SU') ? nkeyAuthenticator(new TextEncoder().encode(text)) : credsAuthenticator(file);
}
