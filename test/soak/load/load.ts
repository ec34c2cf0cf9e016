import { AbandonedSessions } from './abandoned-sessions.js';
import { ClockStepper } from './clock-stepper.js';
import { Editor } from './editor.js';
import { Feed } from './feed.js';

import { IdleClients } from './idle-clients.js';
import { MisbehavingClient } from './misbehaving-client.js';
import { ReliableClient } from './reliable-client.js';
import { RestCaller } from './rest-caller.js';
import { ShortLivedClient } from './short-lived-client.js';
import { SilentClient } from './silent-client.js';
import { silentKinds } from './silent-socket.js';
import { type Actor, run, type Stage } from './stage.js';

const counts = { shortLivedClients: 20, misbehavingClients: 3, restCallers: 3, reliableClients: 10, feedsByRest: 2 };

/** Everything that happens to the service, until its stage ends. */
export class Load {
  readonly #feeds: readonly Feed[];
  readonly #editor: Editor;
  readonly #idle: IdleClients;
  readonly #running: Promise<unknown>;

  static async start(stage: Stage): Promise<Load> {
    const byRest = Array.from({ length: counts.feedsByRest }, (_, index) => Feed.byRest(stage, index));
    const feeds = [...byRest, await Feed.byClient(stage, counts.feedsByRest)];
    return new Load(stage, feeds, await Editor.start(stage), await IdleClients.start(stage));
  }

  private constructor(stage: Stage, feeds: readonly Feed[], editor: Editor, idle: IdleClients) {
    this.#idle = idle;
    this.#feeds = feeds;
    this.#editor = editor;
    for (const feed of feeds) feed.start(stage);
    const actors = [
      editor,
      new ClockStepper(stage),
      new AbandonedSessions(stage),
      ...many(counts.shortLivedClients, index => new ShortLivedClient(stage, index)),
      ...many(counts.misbehavingClients, index => new MisbehavingClient(stage, index)),
      ...many(silentKinds.length, index => new SilentClient(stage, index)),
      ...many(counts.restCallers, index => new RestCaller(stage, index)),
      ...many(counts.reliableClients, index => new ReliableClient(stage, feeds, index)),
    ];
    this.#running = Promise.all(actors.map(actor => run(stage, actor)));
  }

  /** Settles once everybody has left and everything that was asked has been answered. */
  async drain(): Promise<void> {
    await this.#running;
    for (const feed of this.#feeds) await feed.stop(); // reliable clients wait for the last numbers
    await this.#editor.end();
    await this.#idle.end();
  }
}

function many(count: number, make: (index: number) => Actor): Actor[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
