import type { UserEvent } from '../app/answers.js';
import type { Dice } from '../dice.js';
import { within } from '../patience.js';
import type { Feed } from './feed.js';
import { JsonClient, type JsonMessage } from './json-client.js';
import { pace } from './pace.js';
import { Sequence } from './sequence.js';
import type { Stage } from './stage.js';
import { type DialOptions, endings } from './wire.js';

export const reliableOptions = { hub: 'steady', protocol: 'json.reliable.webpubsub.azure.v1' } as const;

/** All ways but the one that ends a session. */
const dropEndings = endings.filter(ending => ending !== 'close');

const eventNames: readonly UserEvent[] = ['good', 'echo', 'slow', 'flaky', 'broken', 'reset'];

/** Ways to recover, as `query` of a dial. [client-protocols 5.3] */
export function recoveryQuery({ connectionId, reconnectionToken }: JsonClient): string {
  const token = encodeURIComponent(reconnectionToken);
  return `awps_connection_id=${encodeURIComponent(connectionId)}&awps_reconnection_token=${token}`;
}

/** One reliable session: hears a feed, raises events, loses its socket again and again, and is to notice nothing of that. */
export class ReliableSession {
  readonly #stage: Stage;
  readonly #feed: Feed;
  readonly #dice: Dice;
  readonly #sequence = new Sequence();
  /** There from `live` on. */
  #client!: JsonClient;
  /** Settled while there is a socket. */
  #back: Promise<void> = Promise.resolve();
  #recoveries = 0;
  #events = 0;
  #lastAckId = 0;
  #listeners: (() => void)[] = [];

  /** From its first connection to its final close. The ledger has the record then. */
  static async live(stage: Stage, feed: Feed, dice: Dice): Promise<void> {
    const session = new ReliableSession(stage, feed, dice);
    const isIn = await session.#dial({ claims: { groups: [feed.group], userId: 'reliable' } });
    if (isIn) await session.#live(feed.published);
  }

  private constructor(stage: Stage, feed: Feed, dice: Dice) {
    this.#stage = stage;
    this.#feed = feed;
    this.#dice = dice;
  }

  /** False when the service, or its app server, refused. */
  async #dial(who: Pick<DialOptions, 'claims' | 'query'>): Promise<boolean> {
    const client = await JsonClient.dial(this.#stage, { ...reliableOptions, ...who }, message => this.#hear(message));
    if (client !== undefined) this.#client = client;
    return client !== undefined;
  }

  async #live(published: number): Promise<void> {
    const { ledger, ending } = this.#stage;
    const answers: Promise<void>[] = [];
    try {
      for (let rounds = this.#dice.between(2, 8); rounds > 0 && !ending.aborted; rounds -= 1) {
        answers.push(...this.#raiseSome());
        await this.#listen(this.#dice.between(5, 80));
        answers.push(...this.#raiseSome());
        await pace(this.#dice.between(0, 10)); // the events are gone, and most acks will be lost with the socket
        await this.#dropAndRecover();
      }
      await within(Promise.all(answers), 'all acks of a reliable session');
      await this.#until(() => this.#sequence.lastNumber >= this.#feed.published, `the rest of ${this.#feed.group}`);
      await this.#client.end('close');
    } finally {
      this.#sequence.begunAt(published);
      const { heard, wrong } = this.#sequence;
      ledger.sessions.push({ recoveries: this.#recoveries, heard, events: this.#events, wrong });
    }
  }

  /** Hears so many more messages, and acknowledges now and then. */
  async #listen(count: number): Promise<void> {
    const target = this.#sequence.heard + count;
    while (this.#sequence.heard < target && !this.#stage.ending.aborted) {
      const step = Math.min(target, this.#sequence.heard + this.#dice.between(1, 20));
      await this.#until(() => this.#sequence.heard >= step, `more of ${this.#feed.group}`);
      if (this.#dice.chance(60)) await this.#acknowledge();
    }
  }

  async #acknowledge(): Promise<void> {
    const sequenceId = this.#sequence.last;
    this.#client.tell({ type: 'sequenceAck', sequenceId });
    if (this.#dice.chance(50) && (await this.#client.settle())) this.#sequence.acknowledged(sequenceId);
  }

  /** Those who wait for acks go on when it is back. */
  async #dropAndRecover(): Promise<void> {
    let tellBack = () => {};
    this.#back = new Promise(resolve => {
      tellBack = resolve;
    });
    await this.#client.end(this.#dice.pick(dropEndings));
    await pace(this.#dice.chance(30) ? 0 : this.#dice.between(0, 2_000), this.#stage.ending);
    this.#sequence.newSocket();
    const { connectionId } = this.#client;
    const isBack = await this.#dial({ query: recoveryQuery(this.#client) });
    if (!isBack || this.#client.connectionId !== connectionId) throw new Error('a session could not be recovered');
    this.#recoveries += 1;
    tellBack();
  }

  #raiseSome(): Promise<void>[] {
    return Array.from({ length: this.#dice.between(0, 2) }, () => this.#raise().catch(this.#stage.ledger.complain));
  }

  /** An event that is sent again, with the same ackId, until its ack comes. */
  async #raise(): Promise<void> {
    const { ledger } = this.#stage;
    const mark = ledger.newMark();
    const name = this.#dice.pick(eventNames);
    const ackId = ++this.#lastAckId;
    this.#events += 1;
    for (;;) {
      const back = this.#back;
      await back;
      const outcome = await this.#client.raise(name, mark, ackId);
      if (outcome !== 'lost') return;
      if (this.#back === back) throw new Error('the service ended a reliable session');
    }
  }

  #hear({ type, group, data, sequenceId }: JsonMessage): void {
    if (sequenceId === undefined) return;
    const isFeed = type === 'message' && group === this.#feed.group;
    this.#sequence.hear(sequenceId, isFeed ? Number(data) : undefined);
    for (const listener of this.#listeners) listener();
  }

  /** Asked after each message. */
  async #until(isSo: () => boolean, what: string): Promise<void> {
    if (isSo()) return;
    let listener = () => {};
    const heard = new Promise<void>(resolve => {
      listener = () => isSo() && resolve();
    });
    this.#listeners.push(listener);
    try {
      await within(heard, what);
    } finally {
      this.#listeners = this.#listeners.filter(other => other !== listener);
    }
  }
}
