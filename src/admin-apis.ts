import type { Logger } from 'pino';
import { Access } from './admin/access.js';
import { OwnHosts } from './admin/own-hosts.js';
import type { AdminServerOptions } from './admin/server.js';
import type { Endpoints } from './auth/endpoints.js';
import { EntraVerifier } from './auth/entra-verifier.js';
import { LoginTokens } from './auth/login-tokens.js';
import type { StoredKeys } from './auth/stored-keys.js';
import type { Clock } from './clock.js';
import type { HubsFileEditor } from './config/edit/hubs-file-editor.js';
import { proxiedFetch } from './egress/fetch.js';
import type { ProxySettings } from './egress/proxy.js';
import { accountOperations } from './management/account.js';
import { managementApi } from './management/api.js';
import { hubOperations } from './management/hubs.js';
import { keyOperations } from './management/keys.js';
import { loginRoutes } from './management/login.js';
import { managementPrefix, withoutBasePath } from './management/paths.js';
import { resourceOperations } from './management/resource.js';
import type { AdminAccess, ServiceOptions } from './service-options.js';
import type { Settings } from './settings.js';

/** What the routes for operators of the admin listener need. */
export interface AdminApiParts {
  readonly access: AdminAccess | undefined;
  /** Of the admin listener. */
  readonly address: ServiceOptions['admin'];
  readonly hasTls: boolean;
  /** Of the admin listener, once it listens. */
  readonly adminUrl: () => string | undefined;
  readonly callers: ReturnType<Settings['ofCallers']>;
  readonly keys: StoredKeys;
  readonly endpoints: Endpoints;
  /** @throws PubSubError `conflict` while there is no file to edit */
  readonly editor: () => HubsFileEditor;
  /** Closes all clients in waves. */
  readonly restart: () => Promise<void>;
  readonly version: string;
  readonly clock: Clock;
  readonly proxies: ProxySettings | undefined;
  readonly log: Logger;
}

/** As the admin server takes them. */
export interface AdminApis extends Pick<AdminServerOptions, 'hosts' | 'rewrite'> {
  readonly access: Access;
  readonly plugins: NonNullable<AdminServerOptions['plugins']>;
}

/** Of Entra ID tokens for the vendor's management API. [management 1.1] */
const vendorAudience = 'https://management.azure.com';

/** Who may call the admin listener, the management API, and the login routes of its clients. */
export function adminApis(parts: AdminApiParts): AdminApis {
  const { access: { adminToken, isGenerated = false, readToken, origins = [] } = {}, clock, log } = parts;
  const hosts = new OwnHosts({ boundHost: parts.address?.host, hasTls: parts.hasTls, origins });
  const isLoginOffered = parts.hasTls && adminToken !== undefined && !isGenerated;
  const logins = isLoginOffered ? new LoginTokens(adminToken, () => clock.now()) : undefined;
  const access = new Access({ adminToken, readToken, logins, entra: entraOf(parts), hosts, clock, log });
  return {
    access,
    hosts,
    rewrite: withoutBasePath,
    plugins: [
      [managementPrefix, managementApi({ access, operations: operationsOf(parts), logger: log })],
      ['', loginRoutes({ access, tokens: logins, logger: log })],
    ],
  };
}

/** Tokens of the issuers that the data plane accepts, for other audiences. */
function entraOf({ callers, access, adminUrl, clock, proxies }: AdminApiParts): EntraVerifier {
  const audiences = () => [vendorAudience, ...(access?.origins ?? []), adminUrl() ?? []].flat();
  return new EntraVerifier({
    // `disableAadAuth` is about the data plane.
    access: () => ({ isDisabled: false, issuers: callers.access().issuers, audiences: audiences() }),
    clock,
    fetch: proxiedFetch(proxies),
  });
}

function operationsOf({ callers, keys, endpoints, editor, restart, version }: AdminApiParts) {
  const facts = () => ({
    hostName: endpoints.hostnames[0] ?? '',
    port: endpoints.ports[0] ?? 0,
    version,
    disableLocalAuth: callers.isLocalAuthDisabled(),
    disableAadAuth: callers.access().isDisabled,
  });
  return [
    ...hubOperations(editor),
    ...keyOperations({
      both: () => keys.both(),
      regenerate: name => keys.regenerate(name),
      endpoint: () => endpoints.primary,
    }),
    ...resourceOperations({ facts, restart, setAuth: change => editor().setAuth(change) }),
    ...accountOperations,
  ];
}
