import type { Endpoints } from '../auth/endpoints.js';
import { EntraTokens } from '../auth/entra.js';
import type { AccessKeys } from '../auth/keys.js';
import { signer } from '../auth/signature.js';
import type { Clock } from '../clock.js';
import type { ProxySettings } from '../egress/proxy.js';
import type { Ledger, Observer } from '../hub/ports.js';
import type { Watches } from '../hub/watches.js';
import { EventHandlers, type EventHandlersOptions } from './event-handlers.js';

/** What a service has, and event handlers need. */
export interface ServiceParts {
  readonly endpoints: Endpoints;
  readonly keys: AccessKeys;
  readonly clock: Clock;
  readonly observer: Observer;
  /** As of `EventHandlersOptions`. */
  readonly toldApp?: EventHandlersOptions['toldApp'];
  /** None when this node is alone. */
  readonly ledger?: Ledger | undefined;
  /** Nobody watches when left out. */
  readonly watches?: Watches | undefined;
  readonly proxies: ProxySettings | undefined;
  /** As of `EventHandlersOptions`. */
  readonly checks?: EventHandlersOptions['checks'];
}

/** The event handlers of a service, without any until they are configured. */
export function eventHandlersOf(parts: ServiceParts): EventHandlers {
  const { endpoints, keys, clock, observer, toldApp, ledger, watches, proxies, checks } = parts;
  return new EventHandlers({
    origins: endpoints.hostnames,
    originsWithPort: () => endpoints.hosts,
    ports: () => endpoints.ports,
    sign: signer(keys),
    tokens: new EntraTokens({ clock }),
    clock,
    observer,
    toldApp,
    ledger,
    watches,
    proxies,
    checks,
  });
}
