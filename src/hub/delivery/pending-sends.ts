import type { PublishedMessage } from '../../protocols/messages.js';
import type { Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { Members } from '../members.js';
import type { Observer, Turn } from '../ports.js';
import type { Send, Sends } from './batch.js';
import { type Conditions, fanOut } from './fanout.js';

/** Upper limits of what is held, in messages and payload bytes. */
const mostSends = 256;
const mostBytes = 1024 * 1024;

/** For whom messages wait. */
interface Audience {
  readonly target: Target;
  /** What they depend on, groups and user ids, changes only with the members. */
  readonly conditions: Conditions;
}

const everybody: Conditions = { excluded: [], accepts: undefined };

/**
 * The messages to one audience within one turn of the event loop, held so that each receiver is visited once for all of
 * them: a pass over a thousand connections is mostly waiting for memory. Invariant: they are flushed before
 * (1) the members of the target change, (2) a member is sent anything else, (3) another audience is sent to, and
 * (4) the turn ends. So clients see the same order as without holding. [design 4]
 */
export class PendingSends {
  readonly #hub: string;
  readonly #members: Members;
  readonly #turn: Turn;
  readonly #observer: Observer;
  #audience: Audience | undefined;
  #sends: Send[] = [];
  #bytes = 0;
  #isTurnWatched = false;

  constructor(hub: string, members: Members, turn: Turn, observer: Observer) {
    this.#hub = hub;
    this.#members = members;
    this.#turn = turn;
    this.#observer = observer;
    members.beforeChange = () => this.flush();
  }

  add(target: Target, conditions: Conditions, send: Send): void {
    if (this.#audience === undefined || !isSame(this.#audience, target, conditions)) {
      this.flush();
      this.#audience = { target, conditions };
    }
    this.#sends.push(send);
    this.#bytes += bytesOf(send.message);
    if (this.#sends.length >= mostSends || this.#bytes >= mostBytes) this.flush();
    else this.#watchTurn();
  }

  /** To these at once, after what waits. */
  sendNow(receivers: Iterable<Connection>, sends: Sends): void {
    this.flush();
    fanOut(receivers, sends, everybody, this.#hub, this.#observer);
  }

  /** Delivers what waits. */
  flush(): void {
    if (this.#audience === undefined) return;
    const { target, conditions } = this.#audience;
    const sends = this.#sends;
    this.#audience = undefined;
    this.#sends = [];
    this.#bytes = 0;
    const receivers = fanOut(this.#members.select(target), sends, conditions, this.#hub, this.#observer);
    this.#observer.delivered(this.#hub, sends.length, receivers);
    for (const { onDelivered } of sends) if (onDelivered !== undefined) onDelivered(receivers);
  }

  /** Delivers what waits, if any of it may be for this connection. */
  flushFor(connection: Connection): void {
    if (this.#audience !== undefined && isFor(this.#audience.target, connection)) this.flush();
  }

  #watchTurn(): void {
    if (this.#isTurnWatched) return;
    this.#isTurnWatched = true;
    this.#turn.atEnd(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#isTurnWatched = false;
    try {
      this.flush();
    } catch (error) {
      this.#observer.fault(`messages of hub ${this.#hub}`, error); // other hubs' messages are still to be delivered
    }
  };
}

function bytesOf(message: PublishedMessage): number {
  return 'payload' in message ? message.payload.bytes.length : 0;
}

function isSame(audience: Audience, target: Target, { excluded, accepts }: Conditions): boolean {
  const { conditions } = audience;
  if (accepts !== conditions.accepts || excluded.length !== conditions.excluded.length) return false;
  return isSameTarget(audience.target, target) && excluded.every((id, index) => id === conditions.excluded[index]);
}

/** Of one hub. */
function isSameTarget(a: Target, b: Target): boolean {
  switch (a.scope) {
    case 'hub':
      return b.scope === 'hub';
    case 'group':
      return b.scope === 'group' && a.group === b.group;
    case 'user':
      return b.scope === 'user' && a.userId === b.userId;
    case 'connection':
      return b.scope === 'connection' && a.connectionId === b.connectionId;
  }
}

function isFor(target: Target, connection: Connection): boolean {
  switch (target.scope) {
    case 'hub':
      return true;
    case 'group':
      return connection.groups.has(target.group);
    case 'user':
      return connection.userId === target.userId;
    case 'connection':
      return connection.id === target.connectionId;
  }
}
