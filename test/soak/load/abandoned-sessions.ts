import type { Dice } from '../dice.js';
import { JsonClient } from './json-client.js';
import { pace } from './pace.js';
import { reliableOptions } from './reliable-session.js';
import type { Actor, Stage } from './stage.js';

const everyMs = 10_000;

/** Leaves reliable sessions behind, with messages that wait for them: the service is to forget them by itself after 30 s. */
export class AbandonedSessions implements Actor {
  readonly name = 'abandoned sessions';
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async act(dice: Dice): Promise<void> {
    const { rest, ending } = this.#stage;
    const client = await JsonClient.dial(this.#stage, { ...reliableOptions, claims: { userId: 'abandoned' } });
    await client?.end(dice.pick(['end', 'reset']));
    // Not those of a feed: what piles up would depend on when it is looked at, and memory with it.
    const path = `/steady/connections/${client?.connectionId}/:send`;
    const send = { operation: 'sendToAbandoned', method: 'POST', path, text: 'waiting', expected: [202] } as const;
    for (let left = client === undefined ? 0 : 20; left > 0; left -= 1) await rest.call(send);
    await pace(everyMs, ending);
  }
}
