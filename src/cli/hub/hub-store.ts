import type { WireHandler } from './event-handler.js';

/** A hub as the management API answers it. [management 1.3] */
export interface HubResource {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly properties: HubProperties;
}

export interface HubProperties {
  readonly eventHandlers?: readonly WireHandler[] | null;
  readonly anonymousConnectPolicy?: string;
  readonly webSocketKeepAliveIntervalInSeconds?: number;
  readonly [other: string]: unknown;
}

/** Where hubs are kept: a hubs.yaml, or a running service. Names ignore case. [MG-051] */
export interface HubStore {
  /** What comes of a change, for people: a clause. */
  readonly effect: string;
  list(): Promise<readonly HubResource[]>;
  get(name: string): Promise<HubResource | undefined>;
  /** The hub as it is stored then. */
  put(name: string, properties: HubProperties): Promise<HubResource>;
  /** False when it was not there. */
  delete(name: string): Promise<boolean>;
}

/** What `az` calls the place of a hub; none of it has an effect. [MG-050] */
export interface ResourceNames {
  readonly name?: string;
  readonly resourceGroup?: string;
  readonly subscription?: string;
}

const noSubscription = '00000000-0000-0000-0000-000000000000';

/** The variable parts of the service's path. Unlike in `az`, a subscription may have any name. [management 1.2] */
export function pathParameters({ name = 'hubwire', resourceGroup = 'local', subscription = '' }: ResourceNames) {
  const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(subscription);
  return { sub: isId ? subscription : noSubscription, rg: resourceGroup, name };
}

/** What is wrong with settings, in one line: each problem with its place, or else the message. */
export function refusalText(
  message: string,
  details: readonly { readonly target?: string | undefined; readonly message?: string }[] = [],
): string {
  const problems = details.map(detail => `${detail.target ? `${detail.target}: ` : ''}${detail.message ?? ''}`);
  return problems.length > 0 ? problems.join('; ') : message;
}
