import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bearerToken } from '../auth/bearer.js';
import type { EntraVerifier } from '../auth/entra-verifier.js';
import type { LoginTokens } from '../auth/login-tokens.js';
import { canonicalRole, serviceRoleOf } from '../auth/service-roles.js';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { networkOf } from '../listener/client-address.js';
import { loggedPath } from '../listener/request-target.js';
import type { OwnHosts } from './own-hosts.js';
import { LoginThrottle } from './throttle.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who made the request; undefined until that is known. */
    caller?: Caller | undefined;
  }
}

/** An authenticated caller of the admin listener. */
export interface Caller {
  /** The credential, as the audit log names it. */
  readonly by: 'admin token' | 'read token' | 'login token' | 'Entra ID token';
  /** Or only read? */
  readonly mayChange: boolean;
  /** Of its login. */
  readonly tenantId?: string | undefined;
}

export interface AccessOptions {
  readonly adminToken: string | undefined;
  readonly readToken: string | undefined;
  /** Undefined: there are no login routes. */
  readonly logins?: LoginTokens | undefined;
  /** Undefined: Entra ID tokens are not accepted. */
  readonly entra?: Pick<EntraVerifier, 'isAddressed' | 'verify'> | undefined;
  readonly hosts: OwnHosts;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

/** Who may use the routes for operators, and what they did: one line of the log for each action. [management 1.1, 3.5] */
export class Access {
  readonly #options: AccessOptions;
  readonly #adminToken: Buffer;
  readonly #readToken: Buffer;
  readonly #throttle: LoginThrottle;

  constructor(options: AccessOptions) {
    const { adminToken, readToken, clock, log } = options;
    this.#options = options;
    this.#adminToken = digest(adminToken);
    this.#readToken = digest(readToken);
    this.#throttle = new LoginThrottle(clock, address =>
      log.warn(
        { address },
        'ten failed logins to the admin listener in a minute: the address is answered 429 for a minute',
      ),
    );
  }

  /** Adds hooks to the routes of a plugin, whose error handler gets their PubSubErrors. */
  protect(app: FastifyInstance): void {
    this.protectHosts(app);
    app.decorateRequest('caller', undefined);
    app.addHook('onRequest', async (request, reply) => {
      request.caller = await this.#callerOf(request, reply);
      if (!request.caller.mayChange && !isReading(request)) throw onlyReads(request.caller);
    });
    app.addHook('onResponse', async (request, { statusCode }) => {
      if (request.caller !== undefined && !isReading(request)) this.#audit(request, request.caller.by, statusCode);
    });
  }

  /** As `protect`, for routes without a credential. */
  protectHosts(app: FastifyInstance): void {
    app.addHook('onRequest', async ({ raw }) => {
      this.#options.hosts.checkHost(raw);
      this.#options.hosts.checkOrigin(raw);
    });
  }

  adminUrl(request: IncomingMessage): string {
    return this.#options.hosts.adminUrl(request);
  }

  tenantOf({ caller }: FastifyRequest): string | undefined {
    return caller?.tenantId;
  }

  /** Is it the admin token? For a login, which is logged. @throws PubSubError `tooMany` */
  isLogin(secret: string, request: FastifyRequest, reply: FastifyReply): boolean {
    this.#checkThrottle(request, reply);
    const isRight = this.#options.adminToken !== undefined && timingSafeEqual(digest(secret), this.#adminToken);
    if (!isRight) this.#throttle.failed(networkOf(request.ip));
    this.#audit(request, isRight ? 'admin token' : 'none', isRight ? 200 : 401);
    return isRight;
  }

  /** @throws PubSubError `unauthorized`, `forbidden`, `tooMany` */
  async #callerOf(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) throw this.#unauthorized(reply, 'This route needs the admin token');
    this.#checkThrottle(request, reply);
    try {
      const caller = await this.#identify(token);
      if (caller !== undefined) return caller;
    } catch (error) {
      if (!(error instanceof PubSubError) || error.kind !== 'unauthorized') throw error;
    }
    this.#throttle.failed(networkOf(request.ip));
    throw this.#unauthorized(reply, 'The token that was sent is not accepted here; this route needs the admin token');
  }

  /** @throws PubSubError `unauthorized`, and `forbidden` for an Entra ID token without a role */
  async #identify(token: string): Promise<Caller | undefined> {
    const { logins, entra, hosts } = this.#options;
    const given = digest(token);
    const isAdmin = timingSafeEqual(given, this.#adminToken);
    const isRead = timingSafeEqual(given, this.#readToken);
    if (isAdmin) return { by: 'admin token', mayChange: true };
    if (isRead) return { by: 'read token', mayChange: false };
    if (entra?.isAddressed(token) === true && !isKeySigned(token)) return callerWith(await entra.verify(token));
    const login = logins?.verify(token, audience => hosts.isAdminUrl(audience));
    return login && { by: 'login token', mayChange: true, tenantId: login.tenantId };
  }

  #checkThrottle({ ip }: FastifyRequest, reply: FastifyReply): void {
    const waitSeconds = this.#throttle.waitSeconds(networkOf(ip));
    if (waitSeconds === 0) return;
    reply.header('retry-after', String(waitSeconds));
    throw new PubSubError('tooMany', `Too many failed logins from this address. Try again in ${waitSeconds} s.`);
  }

  #unauthorized(reply: FastifyReply, reason: string): PubSubError {
    const { adminToken, readToken } = this.#options;
    reply.header('www-authenticate', 'Bearer');
    const isOpen = adminToken !== undefined || readToken !== undefined;
    const advice = isOpen
      ? `${reason}: Authorization: Bearer $HUBWIRE_ADMIN_TOKEN.`
      : 'Set HUBWIRE_ADMIN_TOKEN to use this route.';
    return new PubSubError('unauthorized', advice);
  }

  /** [MG-127] */
  #audit(request: FastifyRequest, by: Caller['by'] | 'none', status: number): void {
    const { method, ip, routeOptions, originalUrl } = request;
    const action = routeOptions.config.action ?? method;
    const path = loggedPath(originalUrl);
    this.#options.log.info({ by, address: ip, action, method, path, status }, 'admin action');
  }
}

function isReading({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** @throws PubSubError `forbidden` */
function callerWith(roles: readonly string[]): Caller {
  const names = roles.map(role => serviceRoleOf(canonicalRole(role)));
  if (names.includes('owner')) return { by: 'Entra ID token', mayChange: true };
  if (names.includes('reader')) return { by: 'Entra ID token', mayChange: false };
  const needed = 'Web PubSub Service Owner, or Web PubSub Service Reader for GET';
  throw new PubSubError('forbidden', `The roles claim of the token has none of the needed roles: ${needed}.`);
}

function onlyReads({ by }: Caller): PubSubError {
  return new PubSubError('forbidden', `This request needs the admin token; the ${by} allows GET only.`);
}

/** HS256 makes 43 characters: the token is one of a login. [RFC 7518 3.2] */
function isKeySigned(token: string): boolean {
  return token.length - token.lastIndexOf('.') - 1 === 43;
}

/** Of the same length for all texts, as a comparison in constant time needs; of no text when there is none. */
function digest(text: string | undefined): Buffer {
  return text === undefined ? randomBytes(32) : createHash('sha256').update(text).digest();
}
