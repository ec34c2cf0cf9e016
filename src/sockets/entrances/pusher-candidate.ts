import type { Candidate } from '../../hub/admission.js';
import type { Dialogue, Protocol } from '../../protocols/protocol.js';
import { headersOf, subprotocolsOf } from '../client-request.js';
import { readQuery } from '../query.js';
import type { Upgrade } from '../upgrade.js';
import { queryOf } from './webpubsub-target.js';

/** What the app server signs decides, per channel; the dialogue checks it. */
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'] as const;

/** A Pusher client: nobody yet, until it signs in, and in no channel. */
export class PusherCandidate implements Candidate {
  readonly connectionId: string;
  readonly protocol: Protocol;
  readonly dialogue: Dialogue;
  readonly #upgrade: Upgrade;

  constructor(upgrade: Upgrade, protocol: Protocol, dialogue: Dialogue, socketId: string) {
    this.connectionId = socketId;
    this.protocol = protocol;
    this.dialogue = dialogue;
    this.#upgrade = upgrade;
  }

  get userId(): undefined {
    return undefined;
  }

  get roles(): readonly string[] {
    return roles;
  }

  get groups(): readonly string[] {
    return [];
  }

  get clientCertificates(): readonly [] {
    return [];
  }

  protocolOf(): undefined {
    return undefined;
  }

  get claims(): Record<string, string[]> {
    return {};
  }

  get subprotocols(): readonly string[] {
    return subprotocolsOf(this.#upgrade.request);
  }

  get query(): Record<string, string[]> {
    return queryOf(readQuery(this.#upgrade.query));
  }

  get headers(): Record<string, string[]> {
    return headersOf(this.#upgrade.request);
  }
}
