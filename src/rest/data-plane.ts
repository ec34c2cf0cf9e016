import type { FastifyInstance } from 'fastify';
import type { ContinuationTokens } from '../auth/continuation-tokens.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import { addBulkMemberships } from './bulk-memberships.js';
import { addTokens } from './client-token.js';
import { addCloses } from './closes.js';
import type { HubDirectory } from './hub-directory.js';
import { addListing } from './listing.js';
import { addMemberships } from './memberships.js';
import { addPermissions } from './permissions.js';
import { addPresence } from './presence.js';
import { addSends } from './sends.js';

export interface DataPlane {
  readonly hubs: HubDirectory;
  readonly tokens: Pick<KeyTokens, 'sign'>;
  readonly continuationTokens: ContinuationTokens;
  readonly endpoints: Endpoints;
}

/** Every operation on hubs, by subject; paths begin with the hub's name. [rest-api 2] */
export function addDataPlane(app: FastifyInstance, { hubs, tokens, continuationTokens, endpoints }: DataPlane): void {
  addSends(app, hubs);
  addCloses(app, hubs);
  addPresence(app, hubs);
  addMemberships(app, hubs);
  addBulkMemberships(app, hubs);
  addListing(app, hubs, endpoints, continuationTokens);
  addPermissions(app, hubs);
  addTokens(app, tokens, endpoints);
}
