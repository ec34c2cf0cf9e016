import type { Dice } from '../dice.js';
import type { Feed } from './feed.js';
import { ReliableSession } from './reliable-session.js';
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
