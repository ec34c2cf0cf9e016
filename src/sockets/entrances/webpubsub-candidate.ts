import type { IncomingMessage } from 'node:http';
import { type Claims, claimStrings, subjectOf } from '../../auth/claims.js';
import { Cancellation, type CancelSignal } from '../../cancellation.js';
import { PubSubError } from '../../errors.js';
import type { Candidate } from '../../hub/admission.js';
import { findProtocol } from '../../protocols/index.js';
import { groupNameRule, isGroupName, isUserId, userIdRule } from '../../protocols/names.js';
import type { Protocol } from '../../protocols/protocol.js';
import { headersOf, subprotocolsOf } from '../client-request.js';
import { type NamedValues, setValues } from '../named-values.js';
import type { Query } from '../query.js';
import { queryOf, simpleProtocolOf } from './webpubsub-target.js';

/**
 * A client that requests a connection: its upgrade request and its token. What only a `connect` handler needs is read from
 * them on demand: most hubs have no such handler.
 */
export class WebPubSubCandidate implements Candidate {
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly subprotocols: readonly string[];
  readonly clientCertificates = [];
  readonly protocol: Protocol;
  readonly #request: IncomingMessage;
  readonly #query: Query;
  readonly #claims: Claims;
  /** Made when it is first read. */
  #departure: Cancellation | undefined;

  /** @throws PubSubError `unauthorized` for what cannot be a user's id; `invalid` for a group that cannot exist, and for what `simpleProtocolOf` refuses */
  constructor(request: IncomingMessage, query: Query, claims: Claims) {
    this.userId = userIdOf(claims);
    this.roles = claimStrings(claims.role);
    this.groups = claimStrings(claims['webpubsub.group']);
    if (!this.groups.every(isGroupName)) {
      throw new PubSubError('invalid', `the token contains an invalid group name; a group name has ${groupNameRule}`);
    }
    this.subprotocols = subprotocolsOf(request);
    this.protocol = simpleProtocolOf(query);
    this.#request = request;
    this.#query = query;
    this.#claims = claims;
  }

  protocolOf(subprotocol: string): Protocol | undefined {
    return findProtocol(subprotocol);
  }

  get claims(): Record<string, string[]> {
    const claims: NamedValues = {};
    for (const name of Object.keys(this.#claims)) setValues(claims, name, claimStrings(this.#claims[name]));
    return claims;
  }

  get query(): Record<string, string[]> {
    return queryOf(this.#query);
  }

  get headers(): Record<string, string[]> {
    return headersOf(this.#request);
  }

  get departed(): CancelSignal {
    this.#departure ??= new Cancellation();
    return this.#departure;
  }

  /** The client has left. */
  leave(): void {
    this.#departure?.abort();
  }
}

/**
 * Refused before any event is sent: an upstream would see another user than the hub has, as HTTP drops white space
 * at the ends of a header, or could never be sent an event. `""` is anonymous.
 */
function userIdOf(claims: Claims): string | undefined {
  const userId = subjectOf(claims);
  if (userId === undefined || userId === '' || isUserId(userId)) return userId;
  throw new PubSubError('unauthorized', `sub of the token is not a valid user id, which has ${userIdRule}`);
}
