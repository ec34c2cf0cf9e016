import { randomFillSync } from 'node:crypto';
import { PubSubError } from '../errors.js';
import type { Dialogue, Protocol } from '../protocols/protocol.js';
import type { ConnectionEvents, ConnectReply, ConnectRequest, Upstream } from './ports.js';

/** A client that requests a connection: its request as the upstream gets it, and what its entrance knows of it. */
export interface Candidate extends ConnectRequest {
  /** Given by the client, such as an MQTT client id; undefined: one is generated. */
  readonly connectionId?: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Spoken unless a subprotocol is selected that has a protocol of its own. */
  readonly protocol: Protocol;
  /** Begun by the entrance, with what it knows of the client; undefined: it begins with the connection. */
  readonly dialogue?: Dialogue | undefined;
  /** The protocol that an offered subprotocol names; undefined: none, an app server may select it all the same. */
  protocolOf(subprotocol: string): Protocol | undefined;
}

/** An admitted client, before its connection is opened. */
export interface Admission {
  readonly connectionId: string;
  /** `""` is anonymous, as undefined is. */
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** In the client's own spelling, as its handshake must echo it. */
  readonly subprotocol: string | undefined;
  readonly protocol: Protocol;
  /** As of the candidate. */
  readonly dialogue?: Dialogue | undefined;
  readonly upstream: ConnectionEvents;
  /** An app server has accepted it, and is told of the end even where the connection is never opened. Left out: no `connect` was sent. [upstream-events D39] */
  readonly isAccepted?: boolean;
  /** For `Newcomers`: ends the listening to its targets. Undefined for one that is opened in the same call. */
  endListening?: (() => void) | undefined;
}

/**
 * Sends the `connect` event and decides the client's user, roles, groups and subprotocol; synchronously when there is no
 * `connect` handler. [client-protocols 1.2, 1.5]
 * @throws as a rejection: ConnectRefused, PubSubError `eventFailed`
 */
export function admit(
  hub: string,
  candidate: Candidate,
  upstream: Upstream,
  newId: () => string = newConnectionId,
): Admission | Promise<Admission> {
  const connectionId = candidate.connectionId ?? newId();
  const session = upstream.open(hub, connectionId);
  const reply = session.connect(candidate);
  if (reply === undefined) return admissionOf(candidate, undefined, connectionId, session);
  return reply.then(given => admissionOf(candidate, given, connectionId, session));
}

function admissionOf(
  candidate: Candidate,
  reply: ConnectReply | undefined,
  connectionId: string,
  upstream: ConnectionEvents,
): Admission {
  const subprotocol = selectSubprotocol(candidate, reply?.subprotocol);
  const protocol = (subprotocol === undefined ? undefined : candidate.protocolOf(subprotocol)) ?? candidate.protocol;
  const { userId, roles, groups } = identityOf(candidate, reply);
  return {
    connectionId,
    userId,
    roles,
    groups,
    subprotocol,
    protocol,
    dialogue: candidate.dialogue,
    upstream,
    isAccepted: reply !== undefined,
    endListening: undefined,
  };
}

/** 23 random bytes make 31 characters of [A-Za-z0-9_-], the length the vendor's ids have. [rest-api 2.0] */
const idBytes = 23;

/** Random bytes for the next ids, drawn many at a time: hot path. */
const drawn = Buffer.alloc(idBytes * 256);
let usedBytes = drawn.length;

function newConnectionId(): string {
  if (usedBytes === drawn.length) {
    randomFillSync(drawn);
    usedBytes = 0;
  }
  usedBytes += idBytes;
  return drawn.toString('base64url', usedBytes - idBytes, usedBytes);
}

function identityOf(candidate: Candidate, reply: ConnectReply | undefined) {
  const groups = reply?.groups;
  return {
    userId: reply?.userId ?? candidate.userId,
    roles: reply?.roles ?? candidate.roles, // an empty list takes all roles away
    groups: groups === undefined || groups.length === 0 ? candidate.groups : groups, // an empty list changes nothing [upstream-events D22]
  };
}

function selectSubprotocol(candidate: Candidate, selected: string | undefined): string | undefined {
  const { subprotocols } = candidate;
  if (selected === undefined) return subprotocols.find(name => candidate.protocolOf(name) !== undefined);
  const name = subprotocols.find(offer => offer.toLowerCase() === selected.toLowerCase());
  if (name === undefined) {
    throw new PubSubError(
      'eventFailed',
      'the connect event handler selected a subprotocol that the client did not offer',
    );
  }
  return name;
}
