import type { Dice } from '../dice.js';
import type { Scraper } from '../server/metrics.js';
import { readResident, restartPeak } from '../server/resident.js';
import { JsonClient } from './json-client.js';
import { type StalledEnding, type StalledRecord, stalledEndings } from './ledger.js';
import { pace } from './pace.js';
import { Pulse } from './pulse.js';
import type { Stage } from './stage.js';
import { StalledClient } from './stalled-client.js';

export const stalledHub = 'stalled';

/** Of each round. A reliable client costs what it has not acknowledged, a plain one what waits in its socket. */
const counts = { reliable: 32, plain: 8 };

const messageBytes = 10_000;

/** Below what a reliable client may leave unacknowledged, 1,000, and above what the kernel takes of a socket. */
const withinLimits = 900;
/** Above the limits of both kinds of client, with what the kernel takes. */
const beyondLimits = 1_700;

/** Messages sent at a time, and how far apart. */
const burst = { messages: 20, gapMs: 20 };

/** Longer than the service waits for the answer to its Close frame. [client-protocols D11] */
const closedWithoutAnswerMs = 6_000;

/**
 * One round after another: clients join a group and stop reading, the group is sent some 10 MB, and the clients end in
 * one of the ways that there are. Rounds are no part of the steady load: memory is read between them.
 */
export class StalledRounds {
  readonly #stage: Stage;
  readonly #scraper: Scraper;
  readonly #dice: Dice;
  #rounds = 0;

  constructor(stage: Stage, scraper: Scraper, dice: Dice) {
    this.#stage = stage;
    this.#scraper = scraper;
    this.#dice = dice;
  }

  get hasSeenAll(): boolean {
    return this.#rounds >= stalledEndings.length;
  }

  /** What goes wrong is in the ledger. */
  async next(): Promise<void> {
    const ending = stalledEndings[this.#rounds % stalledEndings.length] as StalledEnding;
    this.#rounds += 1;
    await this.#run(ending).catch((error: unknown) => {
      this.#stage.ledger.complain(`stalled clients, ${ending}: ${(error as Error).message}`);
    });
  }

  async #run(ending: StalledEnding): Promise<void> {
    const { hubwire, ledger } = this.#stage;
    const group = `stalled-${this.#rounds}`;
    await this.#scraper.takeSlowestTurnMs();
    restartPeak(hubwire.pid);
    const before = readResident(hubwire.pid)?.current;
    const pulse = await Pulse.start(this.#stage, stalledHub, `pulse-${this.#rounds}`);
    try {
      const clients = await dialStalled(this.#stage, stalledHub, group, counts);
      const sent = ending === 'slow' ? beyondLimits : withinLimits;
      await publish(this.#stage, stalledHub, group, sent);
      ledger.stalled.clients.push(...(await this.#endings[ending](clients, group, sent)));
    } finally {
      await pulse.stop();
      const peak = readResident(hubwire.pid)?.peak;
      const slowestTurnMs = await this.#scraper.takeSlowestTurnMs();
      ledger.stalled.rounds.push({ ending, before, peak, slowestMs: pulse.slowestMs, slowestTurnMs });
    }
  }

  readonly #endings: Readonly<
    Record<
      StalledEnding,
      (clients: readonly StalledClient[], group: string, sent: number) => Promise<readonly StalledRecord[]>
    >
  > = {
    /** What the kernel takes of a socket varies: now and then a plain client is within the limits, and reads all. */
    slow: async (clients, _group, sent) => {
      await this.#waitForAWhile();
      return Promise.all(
        clients.map(async client => {
          if (!(await client.readUpTo(sent))) return client.record('slow', undefined);
          await client.leave();
          return client.record(client.isReliable ? 'slow' : 'readOn', sent); // a reliable one should have been closed
        }),
      );
    },
    closedByRest: async (clients, group) => {
      const path = `/${stalledHub}/groups/${group}/:closeConnections`;
      await this.#stage.rest.call({ operation: 'closeStalled', method: 'POST', path, expected: [204] });
      await this.#waitForAWhile();
      await Promise.all(clients.map(client => client.readToEnd()));
      return clients.map(client => client.record('closedByRest', undefined));
    },
    /** All at once, as after a break of the network. */
    recover: async (clients, _group, sent) => {
      await Promise.all(clients.map(client => client.reset()));
      const reliable = clients.filter(({ isReliable }) => isReliable);
      await Promise.all(reliable.map(client => client.recover()));
      await readAll(reliable, sent);
      return clients.map(client => client.record('recover', client.isReliable ? sent : undefined));
    },
    readOn: async (clients, _group, sent) => {
      await readAll(clients, sent);
      return clients.map(client => client.record('readOn', sent));
    },
  };

  /** Clients read on while the service waits for the answer to its Close frame, or when it has given that up. */
  async #waitForAWhile(): Promise<void> {
    if (this.#dice.chance(50)) await pace(closedWithoutAnswerMs);
  }
}

export async function dialStalled(
  stage: Stage,
  hub: string,
  group: string,
  { reliable, plain }: { readonly reliable: number; readonly plain: number },
): Promise<StalledClient[]> {
  const kinds = Array.from({ length: reliable + plain }, (_, index) => index < reliable);
  return Promise.all(kinds.map(isReliable => StalledClient.dial(stage, hub, group, isReliable)));
}

/** Sends so many numbered messages to the group. Settles once the service has passed on the last one. */
export async function publish(stage: Stage, hub: string, group: string, count: number): Promise<void> {
  const claims = { roles: ['webpubsub.sendToGroup'] };
  const publisher = await JsonClient.dial(stage, { hub, protocol: 'json.webpubsub.azure.v1', claims });
  if (publisher === undefined) throw new Error(`a publisher of hub ${hub} was not let in`);
  const request = (number: number) => {
    return { type: 'sendToGroup', group, dataType: 'text', data: `${number} ${'x'.repeat(messageBytes)}` };
  };
  for (let number = 1; number < count; number += 1) {
    publisher.tell(request(number));
    if (number % burst.messages === 0) await pace(burst.gapMs);
  }
  const outcome = await publisher.ask(request(count));
  if (outcome !== 'success') throw new Error(`the last message to ${group} was ${outcome}`);
  await publisher.end('close');
}

async function readAll(clients: readonly StalledClient[], sent: number): Promise<void> {
  await Promise.all(clients.map(client => client.readUpTo(sent)));
  await Promise.all(clients.map(client => client.leave()));
}
