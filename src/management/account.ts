import { apiVersions } from './api-version.js';
import type { Operation } from './operation.js';
import { providerPath } from './paths.js';

const nobody = '00000000-0000-0000-0000-000000000000';

/** Any subscription id is served; this is the one that lists name. */
const subscriptionId = nobody;

/** Of the one tenant, as `GET /tenants` answers. */
export function tenantsOf(tenantId = nobody): object {
  return { value: [{ id: `/tenants/${tenantId}`, tenantId, displayName: 'Hubwire', tenantCategory: 'Home' }] };
}

/** What `az account` and `az resource` read. [management 1.6] */
export const accountOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '',
    name: 'listSubscriptions',
    hasOtherVersions: true,
    run: ({ tenantId = nobody }) => ({ status: 200, body: { value: [subscriptionOf(subscriptionId, tenantId)] } }),
  },
  {
    method: 'GET',
    path: '/:sub',
    name: 'getSubscription',
    hasOtherVersions: true,
    run: ({ params: { sub = '' }, tenantId = nobody }) => ({ status: 200, body: subscriptionOf(sub, tenantId) }),
  },
  {
    method: 'GET',
    path: providerPath,
    name: 'getProvider',
    hasOtherVersions: true,
    run: ({ params: { sub = '' } }) => ({ status: 200, body: providerOf(sub) }),
  },
];

function subscriptionOf(id: string, tenantId: string) {
  return { id: `/subscriptions/${id}`, subscriptionId: id, tenantId, displayName: 'Hubwire', state: 'Enabled' };
}

function providerOf(sub: string) {
  const namespace = 'Microsoft.SignalRService';
  const types = ['WebPubSub', 'WebPubSub/hubs'].map(resourceType => ({
    resourceType,
    locations: ['local'],
    apiVersions: [...apiVersions].reverse(),
  }));
  return {
    id: `/subscriptions/${sub}/providers/${namespace}`,
    namespace,
    registrationState: 'Registered',
    resourceTypes: types,
  };
}
