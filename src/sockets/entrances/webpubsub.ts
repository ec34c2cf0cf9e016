import type { IncomingMessage } from 'node:http';
import { ClientAudiences, WrongAudience } from '../../auth/audience.js';
import type { Claims } from '../../auth/claims.js';
import type { Endpoints } from '../../auth/endpoints.js';
import type { KeyTokens } from '../../auth/key-tokens.js';
import { PubSubError } from '../../errors.js';
import type { Admission } from '../../hub/admission.js';
import type { Connection } from '../../hub/connection.js';
import { cannotRecoverCode } from '../../hub/endings.js';
import type { Hub } from '../../hub/hub.js';
import type { TrustProxy } from '../../listener/client-address.js';
import { canonicalHubName } from '../../protocols/names.js';
import { checkHandshake, subprotocolsOf } from '../client-request.js';
import { Departure } from '../departure.js';
import type { Door } from '../door.js';
import { requestHostReader } from '../request-host.js';
import type { Upgrade } from '../upgrade.js';
import type { Arrival, Entrance } from './entrance.js';
import { WebPubSubCandidate } from './webpubsub-candidate.js';
import { type ClientTarget, location, type Recovery, readTarget, recoveryOf, tokenOf } from './webpubsub-target.js';

/** `/client/hubs/{hub}`, `/client/?hub=`, and paths that are near enough for their client to be told the right one. */
const ownPath = /^\/client(?:\/|$)/i;

export interface WebPubSubOptions {
  readonly tokens: KeyTokens;
  readonly endpoints: Endpoints;
  readonly trustProxy: TrustProxy;
  readonly settings: WebPubSubSettings;
}

/** Settings of hubs.yaml, read at each connect. */
export interface WebPubSubSettings {
  isAnonymousAllowed(hub: string): boolean;
}

/** Clients of Azure Web PubSub: authenticated by a token, and admitted before the upgrade is answered. [client-protocols 1] */
export class WebPubSubEntrance implements Entrance {
  readonly location = location;
  readonly #door: Door;
  readonly #options: WebPubSubOptions;
  readonly #audiences: ClientAudiences;
  readonly #requestHost: (request: IncomingMessage) => string | undefined;

  constructor(door: Door, options: WebPubSubOptions) {
    this.#door = door;
    this.#options = options;
    this.#audiences = new ClientAudiences(options.endpoints);
    this.#requestHost = requestHostReader(options.trustProxy);
  }

  serves(path: string): boolean {
    return ownPath.test(path);
  }

  /** A promise while the `connect` event is in progress. Without a `connect` handler, admission is synchronous: hot path. */
  take(upgrade: Upgrade): Arrival | Promise<Arrival> {
    const door = this.#door;
    const target = readTarget(upgrade);
    upgrade.hub = target.hub;
    checkHandshake(upgrade.request);
    const known = door.hubs.find(target.hub);
    const recovery = recoveryOf(target.query);
    if (recovery.connectionId !== '') return this.#recover(upgrade, known, recovery);
    door.checkOpen();
    const candidate = new WebPubSubCandidate(
      upgrade.request,
      target.query,
      this.#authenticate(upgrade.request, target),
    );
    const hub = door.enter(upgrade, target.hub, known);
    const admission = door.admit(hub, candidate);
    if (admission instanceof Promise) return this.#openOnceAdmitted(upgrade, hub, candidate, admission);
    return door.open(upgrade, hub, admission);
  }

  /** Chained: an `async` function would cost more for each client. */
  #openOnceAdmitted(
    upgrade: Upgrade,
    hub: Hub,
    candidate: WebPubSubCandidate,
    admitting: Promise<Admission>,
  ): Promise<Arrival> {
    const departure = new Departure(upgrade.socket, () => candidate.leave());
    return admitting.then(
      admission => this.#openUnlessGone(upgrade, hub, admission, departure),
      error => {
        // Before its connect was sent there is nothing to take back.
        if (departure.isOver() && PubSubError.from(error).kind === 'cancelled') return 'left';
        throw error;
      },
    );
  }

  #openUnlessGone(upgrade: Upgrade, hub: Hub, admission: Admission, departure: Departure): Arrival {
    const hasLeft = departure.isOver();
    if (!hasLeft && this.#door.isOpen) return this.#door.open(upgrade, hub, admission);
    hub.lifecycle.abandon(admission); // a client opened now would be cut off without a Close frame, or delay the shutdown
    if (!hasLeft) this.#door.checkOpen();
    return 'left';
  }

  #authenticate(request: IncomingMessage, { hub, isLegacyPath, query }: ClientTarget): Claims {
    const token = tokenOf(request, query);
    if (token !== undefined) {
      const host = this.#requestHost(request);
      try {
        return this.#options.tokens.verify(token, this.#audiences.of(hub, isLegacyPath, host));
      } catch (error) {
        if (!(error instanceof WrongAudience)) throw error;
        throw error.answeredAt(`/client/hubs/${hub}`, this.#options.endpoints.bases(host, true));
      }
    }
    if (this.#options.settings.isAnonymousAllowed(canonicalHubName(hub))) return {};
    throw new PubSubError(
      'unauthorized',
      'a client access token is needed: in access_token or as Authorization: Bearer',
    );
  }

  /**
   * Only the reconnection token is checked. A failure is answered with an upgrade and a close code, since clients treat an
   * HTTP error as temporary; the session is not affected. [client-protocols 1.3, 5.3]
   */
  #recover(upgrade: Upgrade, hub: Hub | undefined, { connectionId, token }: Recovery): Arrival | Promise<Arrival> {
    const found = hub?.lifecycle.recover(connectionId, token);
    if (found instanceof Promise) return found.then(connection => this.#resume(upgrade, hub, connection));
    return this.#resume(upgrade, hub, found);
  }

  #resume(upgrade: Upgrade, hub: Hub | undefined, connection: Connection | undefined): Arrival {
    const offered = subprotocolsOf(upgrade.request);
    if (hub === undefined || connection === undefined) {
      const ws = upgrade.finish(offered[0]);
      ws?.close(cannotRecoverCode);
      return ws === undefined ? 'left' : 'turnedAway';
    }
    this.#door.recognize(upgrade);
    const spoken = connection.subprotocol;
    const echoed = spoken === undefined ? offered[0] : offered.find(name => name.toLowerCase() === spoken);
    return this.#door.resume(upgrade, hub, connection, echoed);
  }
}
