import type { IncomingHttpHeaders } from 'node:http';
import type { EventKind } from '../../../src/hub/facts.js';

/** One event as the app servers got it, however often it was tried. */
export interface HeardEvent {
  readonly kind: EventKind;
  readonly name: string;
  readonly hub: string;
  readonly connectionId: string;
  /** Of the latest try. */
  path: string;
  tries: number;
  /** Answered with 2xx, whole. */
  isTaken: boolean;
  /** Answered with 4xx. */
  isRefused: boolean;
}

export interface KindTotals {
  readonly events: number;
  readonly tries: number;
  readonly taken: number;
  readonly refused: number;
}

/** Connection ids of a hub, by what its app server was told of them. */
export interface Roll {
  /** Its `connect` was taken. */
  readonly accepted: ReadonlySet<string>;
  readonly connected: ReadonlySet<string>;
  readonly disconnected: ReadonlySet<string>;
  /** `disconnected` because the client left while its `connect` was asked. [upstream-events D39] */
  readonly abandoned: ReadonlySet<string>;
  /** `connection group` → times joined less times left. */
  readonly memberships: ReadonlyMap<string, number>;
  readonly joined: number;
  readonly left: number;
}

const abandonedReason = 'The client left before the connection was established.';

/** Everything that any app server was sent. An event is known by its connection and `ce-id`, which all its tries share. [upstream-events 2.3] */
export class Tally {
  readonly #events = new Map<string, HeardEvent>();
  readonly #rolls = new Map<string, Roll>();
  /** User events by the mark that their sender put into them; a mark that was sent again has several. */
  readonly #marked = new Map<string, HeardEvent[]>();

  heard(path: string, headers: IncomingHttpHeaders, body: string): HeardEvent {
    const key = `${headers['ce-connectionid']} ${headers['ce-id']}`;
    const known = this.#events.get(key);
    const event = known ?? newEvent(headers);
    event.path = path;
    event.tries += 1;
    if (known !== undefined) return event;
    this.#events.set(key, event);
    if (event.kind === 'user') this.#mark(event, body);
    else this.#enrol(event, body);
    return event;
  }

  taken(event: HeardEvent): void {
    event.isTaken = true;
    if (event.kind === 'connect') this.#roll(event.hub).accepted.add(event.connectionId);
  }

  /** User events that bear this mark. */
  marked(mark: string): readonly HeardEvent[] {
    return this.#marked.get(mark) ?? [];
  }

  rollOf(hub: string): Roll {
    return this.#roll(hub);
  }

  totals(kind: EventKind): KindTotals {
    const events = [...this.#events.values()].filter(event => event.kind === kind);
    return {
      events: events.length,
      tries: events.reduce((total, { tries }) => total + tries, 0),
      taken: events.filter(({ isTaken }) => isTaken).length,
      refused: events.filter(({ isRefused }) => isRefused).length,
    };
  }

  #mark(event: HeardEvent, body: string): void {
    const mark = markOf(body);
    if (mark !== undefined) this.#marked.set(mark, [...(this.#marked.get(mark) ?? []), event]);
  }

  #enrol({ kind, hub, connectionId }: HeardEvent, body: string): void {
    const roll = this.#roll(hub);
    if (kind === 'connected') roll.connected.add(connectionId);
    if (kind === 'disconnected') {
      const { reason } = JSON.parse(body) as { reason: string };
      (reason === abandonedReason ? roll.abandoned : roll.disconnected).add(connectionId);
    }
    if (kind === 'joined' || kind === 'left') {
      const membership = `${connectionId} ${(JSON.parse(body) as { group: string }).group}`;
      roll[kind] += 1;
      roll.memberships.set(membership, (roll.memberships.get(membership) ?? 0) + (kind === 'joined' ? 1 : -1));
    }
  }

  #roll(hub: string) {
    const roll = this.#rolls.get(hub) ?? emptyRoll();
    this.#rolls.set(hub, roll);
    return roll as ReturnType<typeof emptyRoll>;
  }
}

/** What a sender put into its event to know it again: the whole of a text, or somewhere in a JSON value. */
export function markOf(body: string): string | undefined {
  return /\bmark-\d+\b/.exec(body)?.[0];
}

function emptyRoll() {
  return {
    accepted: new Set<string>(),
    connected: new Set<string>(),
    disconnected: new Set<string>(),
    abandoned: new Set<string>(),
    memberships: new Map<string, number>(),
    joined: 0,
    left: 0,
  } satisfies Roll;
}

function newEvent(headers: IncomingHttpHeaders): HeardEvent {
  const name = String(headers['ce-eventname']);
  return {
    kind: String(headers['ce-type']).startsWith('azure.webpubsub.user.') ? 'user' : (name as EventKind),
    name,
    hub: String(headers['ce-hub']),
    connectionId: String(headers['ce-connectionid']),
    path: '',
    tries: 0,
    isTaken: false,
    isRefused: false,
  };
}
