import { randomBytes } from 'node:crypto';
import { PubSubError } from '../errors.js';
import type { Codec } from '../protocols/codec.js';
import { findCodec } from '../protocols/index.js';
import type { ConnectReply, ConnectRequest, Upstream, UpstreamSession } from './ports.js';

/** A client at the door: its request as the upstream sees it, and what its token allows. */
export interface Candidate extends ConnectRequest {
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Spoken when no predefined subprotocol is selected: what the simple client's URL asked for. */
  readonly simple: Codec;
}

/** A client that may come in, before its upgrade is finished. */
export interface Admission {
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** In the client's own spelling, as its handshake must echo it. */
  readonly subprotocol: string | undefined;
  readonly codec: Codec;
  readonly upstream: UpstreamSession;
}

/**
 * Asks the upstream, and settles who the client is and what it speaks. [client-protocols 1.2, 1.5]
 * @throws ConnectRefused, PubSubError `eventFailed`
 */
export async function admit(hub: string, candidate: Candidate, upstream: Upstream): Promise<Admission> {
  const connectionId = newConnectionId();
  const session = upstream.open(hub, connectionId);
  const reply = await session.connect(candidate);
  const subprotocol = selectSubprotocol(candidate.subprotocols, reply?.subprotocol);
  const codec = (subprotocol === undefined ? undefined : findCodec(subprotocol)) ?? candidate.simple;
  return { connectionId, ...identityOf(candidate, reply), subprotocol, codec, upstream: session };
}

/** 23 random bytes make 31 characters of [A-Za-z0-9_-], the length the vendor's ids have. [rest-api 2.0] */
function newConnectionId(): string {
  return randomBytes(23).toString('base64url');
}

function identityOf(candidate: Candidate, reply: ConnectReply | undefined) {
  const userId = reply?.userId ?? candidate.userId;
  const groups = reply?.groups;
  return {
    userId: userId === '' ? undefined : userId,
    roles: reply?.roles ?? candidate.roles, // an empty list takes all roles away
    groups: groups === undefined || groups.length === 0 ? candidate.groups : groups, // an empty list changes nothing [upstream-events D22]
  };
}

function selectSubprotocol(offered: readonly string[], selected: string | undefined): string | undefined {
  if (selected === undefined) return offered.find(name => findCodec(name) !== undefined);
  const name = offered.find(offer => offer.toLowerCase() === selected.toLowerCase());
  if (name === undefined) {
    throw new PubSubError(
      'eventFailed',
      'the connect event handler selected a subprotocol that the client did not offer',
    );
  }
  return name;
}
