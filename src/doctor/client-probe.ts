import { clientUrl } from '../auth/client-url.js';
import { KeyTokens } from '../auth/key-tokens.js';
import type { AccessKeys } from '../auth/keys.js';
import type { Clock } from '../clock.js';
import { doctorName } from './event-probe.js';
import { type ClientSocket, type Closed, openSocket, type UpgradeSeen } from './web-socket.js';

export interface ClientQuestion {
  readonly hub: string;
  readonly endpoint: string;
  readonly keys: AccessKeys;
  readonly clock: Clock;
  /** Sent last; undefined: none, as no handler takes user events. */
  readonly event: string | undefined;
  /** How long it stays silent, to see whether something on the way ends it; 0: not at all. */
  readonly idleMs: number;
  readonly giveUpMs: number;
}

/** What one client met. */
export interface ClientSeen {
  readonly hub: string;
  readonly steps: readonly { readonly name: string; readonly durationMs: number }[];
  readonly fault: ClientFault | undefined;
}

export type ClientFault =
  | { readonly kind: 'upgrade'; readonly seen: Exclude<UpgradeSeen, { kind: 'open' }> }
  /** An acknowledgement that says no. */
  | { readonly kind: 'refused'; readonly step: string; readonly text: string }
  | { readonly kind: 'silent'; readonly step: string }
  | { readonly kind: 'closed'; readonly step: string; readonly closed: Closed };

/** Connects, joins a group, gets its own message back, sends an event, stays silent for a while, and closes. */
export async function observeClient(question: ClientQuestion): Promise<ClientSeen> {
  const { hub, endpoint, keys, clock, giveUpMs } = question;
  const roles = ['joinLeaveGroup', 'sendToGroup'].map(right => `webpubsub.${right}.${doctorName}`);
  const url = clientUrl(new KeyTokens(keys, clock.now), endpoint, hub, { userId: doctorName, roles }, 5);
  const startedMs = clock.monotonicMs();
  const upgrade = await openSocket(url, 'json.webpubsub.azure.v1', giveUpMs);
  if (upgrade.kind !== 'open') return { hub, steps: [], fault: { kind: 'upgrade', seen: upgrade } };
  const visit = new Visit(upgrade.socket, question);
  const fault = await visit.run(startedMs);
  upgrade.socket.close();
  await upgrade.socket.closedWithin(giveUpMs);
  upgrade.socket.terminate();
  return { hub, steps: visit.steps, fault };
}

class Visit {
  readonly steps: { name: string; durationMs: number }[] = [];
  readonly #socket: ClientSocket;
  readonly #question: ClientQuestion;
  #ackId = 0;

  constructor(socket: ClientSocket, question: ClientQuestion) {
    this.#socket = socket;
    this.#question = question;
  }

  async run(startedMs: number): Promise<ClientFault | undefined> {
    const { event } = this.#question;
    const data = { dataType: 'text', data: doctorName };
    return (
      (await this.#step('connect', startedMs, message => message.event === 'connected')) ??
      (await this.#request('join', { type: 'joinGroup', group: doctorName })) ??
      (await this.#request('send', { type: 'sendToGroup', group: doctorName, noEcho: false, ...data })) ??
      (await this.#step('echo', this.#question.clock.monotonicMs(), message => message.from === 'group')) ??
      (event === undefined ? undefined : await this.#request(`event "${event}"`, { type: 'event', event, ...data })) ??
      (await this.#idle())
    );
  }

  async #request(name: string, message: object): Promise<ClientFault | undefined> {
    const startedMs = this.#question.clock.monotonicMs();
    this.#ackId += 1;
    const ackId = this.#ackId;
    this.#socket.send({ ...message, ackId });
    return this.#step(name, startedMs, answer => answer.type === 'ack' && answer.ackId === ackId);
  }

  async #step(
    name: string,
    startedMs: number,
    isAnswer: (message: Record<string, unknown>) => boolean,
  ): Promise<ClientFault | undefined> {
    const { clock, giveUpMs } = this.#question;
    const answer = await this.#socket.find(isAnswer, giveUpMs);
    this.steps.push({ name, durationMs: clock.monotonicMs() - startedMs });
    if (answer === undefined) return this.#unanswered(name);
    if (answer.success !== false) return undefined;
    const { name: kind = '', message = '' } = (answer.error ?? {}) as { name?: string; message?: string };
    return { kind: 'refused', step: name, text: `${kind}: ${message}` };
  }

  async #unanswered(step: string): Promise<ClientFault> {
    if (!this.#socket.isClosed) return { kind: 'silent', step };
    return { kind: 'closed', step, closed: await this.#socket.closed };
  }

  async #idle(): Promise<ClientFault | undefined> {
    const { idleMs, clock } = this.#question;
    if (idleMs === 0) return undefined;
    const startedMs = clock.monotonicMs();
    const closed = await this.#socket.closedWithin(idleMs);
    this.steps.push({ name: 'idle', durationMs: clock.monotonicMs() - startedMs });
    return closed && { kind: 'closed', step: 'idle', closed };
  }
}
