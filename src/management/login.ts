import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PubSubError } from '../errors.js';
import { takeBodies } from '../listener/bodies.js';
import { tenantsOf } from './account.js';
import type { ApiAccess } from './api.js';
import { checkApiVersion } from './api-version.js';
import { answerApiFailure } from './failures.js';

/** Who may log in. */
export interface LoginAccess extends ApiAccess {
  /** Adds hooks that check only host and origin of requests. */
  protectHosts(app: FastifyInstance): void;
  /** Under which the caller reaches the listener, without a trailing slash. */
  adminUrl(request: IncomingMessage): string;
  /** Is it the admin token? @throws PubSubError `tooMany` */
  isLogin(secret: string, request: FastifyRequest, reply: FastifyReply): boolean;
}

export interface LoginRoutesOptions {
  readonly access: LoginAccess;
  /** Undefined: nobody can log in, as the listener has no TLS or no admin token. */
  readonly tokens: LoginSigner | undefined;
  readonly logger?: FastifyBaseLogger | undefined;
}

interface LoginSigner {
  sign(adminUrl: string, login: { readonly tenantId: string | undefined }): string;
  readonly seconds: number;
}

type Query = Readonly<Record<string, unknown>>;

interface OfTenant {
  readonly Params: { readonly tenant: string };
}

const maxFormBytes = 64 * 1024;

/**
 * What `az` and the vendor's credentials call to log in with the admin token: OAuth 2.0 client credentials, in the shape of
 * Entra ID. [management 1.6]
 */
export function loginRoutes({ access, tokens, logger }: LoginRoutesOptions): FastifyPluginAsync {
  return async app => {
    app.setErrorHandler((error, request, reply) => answerApiFailure(error, request, reply, logger));
    app.register(tenantRoutes(access));
    if (tokens !== undefined) app.register(credentialRoutes(access, tokens));
  };
}

function tenantRoutes(access: LoginAccess): FastifyPluginAsync {
  return async app => {
    access.protect(app);
    app.get('/tenants', { config: { action: 'listTenants' } }, async request => {
      checkApiVersion(request.query as Query);
      return tenantsOf(access.tenantOf(request));
    });
  };
}

function credentialRoutes(access: LoginAccess, tokens: LoginSigner): FastifyPluginAsync {
  return async app => {
    access.protectHosts(app);
    takeBodies(app, maxFormBytes);
    app.get('/metadata/endpoints', async ({ raw, query }) => {
      const cloud = cloudOf(access.adminUrl(raw));
      return isOneCloud(query as Query) ? cloud : [cloud];
    });
    app.get<OfTenant>('/:tenant/v2.0/.well-known/openid-configuration', async ({ raw, params }) =>
      openIdOf(access.adminUrl(raw), encodeURIComponent(params.tenant)),
    );
    app.post<OfTenant>('/:tenant/oauth2/v2.0/token', { config: { action: 'login' } }, (request, reply) =>
      logIn(request, reply, access, tokens),
    );
  };
}

function logIn(
  request: FastifyRequest<OfTenant>,
  reply: FastifyReply,
  access: LoginAccess,
  tokens: LoginSigner,
): FastifyReply {
  const form = new URLSearchParams(String(request.body ?? ''));
  if (form.get('grant_type') !== 'client_credentials') {
    return refuse(reply, 400, 'unsupported_grant_type', 'Only client_credentials with the admin token is offered.');
  }
  try {
    if (!access.isLogin(form.get('client_secret') ?? '', request, reply)) {
      return refuse(reply, 401, 'invalid_client', 'The client secret must be the admin token of the service.');
    }
  } catch (error) {
    if (!(error instanceof PubSubError) || error.kind !== 'tooMany') throw error;
    return refuse(reply, 429, 'temporarily_unavailable', error.message);
  }
  const access_token = tokens.sign(access.adminUrl(request.raw), { tenantId: request.params.tenant });
  return reply.send({ token_type: 'Bearer', expires_in: tokens.seconds, ext_expires_in: tokens.seconds, access_token });
}

/** [RFC 6749 5.2] */
function refuse(reply: FastifyReply, status: number, error: string, description: string): FastifyReply {
  return reply.code(status).send({ error, error_description: description });
}

/**
 * `az cloud register` reads one cloud, from this version on; what `ARM_CLOUD_METADATA_URL` names is a list of clouds, of
 * earlier versions.
 */
function isOneCloud({ 'api-version': version }: Query): boolean {
  return typeof version === 'string' && version >= '2022-09-01';
}

/** The cloud of `az cloud register`: every part of it is this listener. */
function cloudOf(url: string) {
  const { hostname } = new URL(url);
  return {
    name: 'hubwire',
    portal: url,
    authentication: {
      loginEndpoint: url,
      audiences: [url, `${url}/`],
      tenant: 'common',
      identityProvider: 'AAD',
    },
    media: url,
    graphAudience: url,
    graph: url,
    microsoftGraphResourceId: url,
    resourceManager: url,
    activeDirectoryDataLake: url,
    batch: url,
    sqlManagement: url,
    gallery: url,
    suffixes: { storage: hostname, keyVaultDns: hostname },
  };
}

/** [OpenID Connect Discovery 4.2] */
function openIdOf(url: string, tenant: string) {
  const base = `${url}/${tenant}`;
  return {
    issuer: `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
  };
}
