import { mappingOf } from './body.js';
import { ApiFailure, conflict, type Detail } from './failures.js';
import type { Answer, Call, Operation } from './operation.js';
import { groupPath, providerPath, resourceId, resourcePath, resourceType } from './paths.js';

/** The service, as the vendor's management API shows one. [management 1.3] */
export interface ServiceFacts {
  /** Of the first public endpoint. */
  readonly hostName: string;
  readonly port: number;
  readonly version: string;
  readonly disableLocalAuth: boolean;
  readonly disableAadAuth: boolean;
}

/** What can be changed of it. */
export type AuthChange = Partial<Pick<ServiceFacts, 'disableLocalAuth' | 'disableAadAuth'>>;

export interface ServiceControl {
  facts(): ServiceFacts;
  /** Into hubs.yaml. @throws PubSubError `conflict` */
  setAuth(change: AuthChange): Promise<void>;
  /** Closes all clients in waves. Settles when that is done. */
  restart(): Promise<void>;
}

/** How lists name the one service; `GET` of one answers to any name. */
const listed = { rg: 'local', name: 'hubwire' };

/** Resources that the vendor's service has, and this one has none of. */
const emptyLists = [
  'skus',
  'replicas',
  'customDomains',
  'customCertificates',
  'privateEndpointConnections',
  'privateLinkResources',
  'sharedPrivateLinkResources',
];

/** The service as a resource, and the lists in which it is. [management 1.2] */
export function resourceOperations(service: ServiceControl): readonly Operation[] {
  const list = ({ params }: Call): Answer =>
    ok({ value: [resourceOf({ ...params, ...listed, ...(params.rg && { rg: params.rg }) }, service.facts())] });
  return [
    {
      method: 'GET',
      path: resourcePath,
      name: 'getResource',
      run: call => ok(resourceOf(call.params, service.facts())),
    },
    { method: 'PUT', path: resourcePath, name: 'putResource', run: call => change(call, service) },
    { method: 'PATCH', path: resourcePath, name: 'patchResource', run: call => change(call, service) },
    { method: 'DELETE', path: resourcePath, name: 'deleteResource', run: refuseDeletion },
    { method: 'GET', path: groupPath, name: 'listByResourceGroup', run: list },
    { method: 'GET', path: `${providerPath}/webPubSub`, name: 'listBySubscription', run: list },
    {
      method: 'POST',
      path: `${resourcePath}/restart`,
      name: 'restart',
      async run() {
        await service.restart();
        return { status: 204 }; // the vendor's library for Python accepts no 200 here
      },
    },
    ...[`${providerPath}/locations/:location/usages`, ...emptyLists.map(name => `${resourcePath}/${name}`)].map(
      (path): Operation => ({ method: 'GET', path, name: 'list', run: () => ok({ value: [] }) }),
    ),
    {
      method: 'POST',
      path: `${providerPath}/locations/:location/checkNameAvailability`,
      name: 'checkNameAvailability',
      run: () => ok({ nameAvailable: true }),
    },
  ];
}

function ok(body: object): Answer {
  return { status: 200, body };
}

function refuseDeletion(): never {
  throw conflict('The running service is not deleted from here: stop its process.');
}

/** What a caller may say of the resource besides its properties; echoed without effect. */
type Echoed = Readonly<Partial<Record<'location' | 'kind' | 'sku' | 'tags', unknown>>>;

function resourceOf(
  params: Readonly<Record<string, string>>,
  { hostName, port, version, disableLocalAuth, disableAadAuth }: ServiceFacts,
  { location = 'local', kind = 'WebPubSub', sku = defaultSku, tags = {} }: Echoed = {},
) {
  return {
    id: resourceId(params),
    name: params.name,
    type: resourceType,
    location,
    kind,
    sku,
    tags,
    properties: {
      provisioningState: 'Succeeded',
      externalIP: null,
      hostName,
      publicPort: port,
      serverPort: port,
      version,
      tls: { clientCertEnabled: false },
      disableLocalAuth,
      disableAadAuth,
      publicNetworkAccess: 'Enabled',
    },
  };
}

const defaultSku = { name: 'Standard_S1', tier: 'Standard', size: 'S1', capacity: 1 };

/** What the body does not name stays as it is, with PUT too. @throws ApiFailure 400 */
async function change({ params, body }: Call, service: ServiceControl): Promise<Answer> {
  const { echoed, auth } = readResource(body);
  if (Object.keys(auth).length > 0) await service.setAuth(auth);
  return ok(resourceOf(params, service.facts(), echoed));
}

function readResource(body: unknown): { readonly echoed: Echoed; readonly auth: AuthChange } {
  const resource = mappingOf(body ?? {}, undefined);
  const { location, kind, sku, tags, properties } = resource;
  const { disableLocalAuth, disableAadAuth } = mappingOf(properties ?? {}, 'properties');
  const auth = { disableLocalAuth, disableAadAuth };
  const problems = Object.entries(auth)
    .filter(([, value]) => value !== undefined && value !== null && typeof value !== 'boolean')
    .map(([name]): Omit<Detail, 'code'> => ({ message: 'must be true or false', target: `properties.${name}` }));
  if (problems.length > 0) throw ApiFailure.ofContent(problems);
  const given = Object.entries(auth).filter(([, value]) => typeof value === 'boolean');
  return { echoed: withoutNulls({ location, kind, sku, tags }), auth: Object.fromEntries(given) };
}

function withoutNulls(echoed: Echoed): Echoed {
  return Object.fromEntries(Object.entries(echoed).filter(([, value]) => value !== null && value !== undefined));
}
