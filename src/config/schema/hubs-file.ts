import { type Static, Type } from '@sinclair/typebox';
import { hubNamePattern } from '../../protocols/names.js';
import { apps } from './apps.js';
import { callers } from './callers.js';
import { cluster } from './cluster.js';
import { delivery } from './delivery.js';
import { nullable, optional, record } from './fields.js';
import { hub } from './hub.js';
import { limits } from './limits.js';
import { queue } from './queue.js';
import { reliable } from './reliable.js';
import { webhooks } from './webhooks.js';

/**
 * The one description of hubs.yaml: validation, the types below and the published hubs.schema.json come from it. Field
 * names are those of the vendor's management API, and for apps and webhooks those of Sockudo. [rest-api 6.1, design 2]
 */
export const hubsFileSchema = record(
  {
    hubs: Type.Optional(
      nullable(
        Type.Record(Type.String({ pattern: hubNamePattern }), nullable(hub), {
          additionalProperties: false,
          description: 'The hubs by name. Names start with a letter and are case-insensitive.',
        }),
      ),
    ),
    delivery: Type.Optional(nullable(delivery)),
    limits: Type.Optional(nullable(limits)),
    reliable: Type.Optional(nullable(reliable)),
    auth: Type.Optional(nullable(callers)),
    apps: optional(apps),
    webhooks: optional(webhooks),
    queue: optional(queue),
    cluster: optional(cluster),
  },
  { title: 'Hubwire hubs.yaml', description: 'Hubs and apps, where their events go, and limits of the service.' },
);

/** A hubs.yaml that is valid, in canonical spelling and with environment variables filled in. */
export type HubsFile = Static<typeof hubsFileSchema>;
export type HubSettings = NonNullable<NonNullable<HubsFile['hubs']>[string]>;
export type AppSettings = NonNullable<HubsFile['apps']>[number];
export type BridgeSettings = NonNullable<AppSettings['bridge']>[number];
export type HandlerSettings = NonNullable<HubSettings['eventHandlers']>[number];
