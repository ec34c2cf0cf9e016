import type { Dice } from '../dice.js';
import type { Feed } from './feed.js';
import { JsonClient } from './json-client.js';
import { pace } from './pace.js';
import { ReliableSession, reliableOptions } from './reliable-session.js';
import type { Actor, Stage } from './stage.js';

/** Lives one reliable session after another. */
export class ReliableClient implements Actor {
  readonly name: string;
  readonly #stage: Stage;
  readonly #feeds: readonly Feed[];

  constructor(stage: Stage, feeds: readonly Feed[], index: number) {
    this.name = `reliable client ${index}`;
    this.#stage = stage;
    this.#feeds = feeds;
  }

  act(dice: Dice): Promise<void> {
    return ReliableSession.live(this.#stage, dice.pick(this.#feeds), dice);
  }
}

const everyMs = 10_000;

/** Leaves reliable sessions behind, with messages that wait for them: the service is to forget them by itself after 30 s. */
export class Deserter implements Actor {
  readonly name = 'deserter';
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async act(dice: Dice): Promise<void> {
    const { rest, ending } = this.#stage;
    const client = await JsonClient.dial(this.#stage, { ...reliableOptions, claims: { userId: 'deserter' } });
    await client?.end(dice.pick(['end', 'reset']));
    // Not those of a feed: what piles up would depend on when it is looked at, and memory with it.
    const path = `/steady/connections/${client?.connectionId}/:send`;
    const send = { operation: 'sendToDeserter', method: 'POST', path, text: 'come back', expected: [202] } as const;
    for (let left = client === undefined ? 0 : 20; left > 0; left -= 1) await rest.call(send);
    await pace(everyMs, ending);
  }
}
