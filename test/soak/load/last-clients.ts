import { restartPeak } from '../server/resident.js';
import { SilentSocket, silentKinds } from './silent-socket.js';
import type { Stage } from './stage.js';
import type { StalledClient } from './stalled-client.js';
import { dialStalled, publish } from './stalled-rounds.js';

export const lastHub = 'last';

const counts = { reliable: 32, plain: 8 };

/** Below the limits of both kinds of client. */
const messages = 900;

/** Clients that are there as the service stops: stalled ones for which messages wait, and silent connections of every kind. */
export class LastClients {
  /** Connections of the hub; one is the publisher's, which has left. */
  readonly count = counts.reliable + counts.plain + 1;
  readonly #stalled: readonly StalledClient[];
  readonly #silent: readonly SilentSocket[];

  static async connect(stage: Stage): Promise<LastClients> {
    const { hubwire } = stage;
    const stalled = await dialStalled(stage, lastHub, 'last', counts);
    await publish(stage, lastHub, 'last', messages);
    const silent = silentKinds.map(({ form, listener }) => {
      return new SilentSocket(listener === 'public' ? hubwire.publicUrl : hubwire.adminUrl, form);
    });
    await Promise.all(silent.map(({ connected }) => connected));
    restartPeak(hubwire.pid);
    return new LastClients(stalled, silent);
  }

  private constructor(stalled: readonly StalledClient[], silent: readonly SilentSocket[]) {
    this.#stalled = stalled;
    this.#silent = silent;
  }

  /** Once the service has stopped: reads what it sent. Answers what was wrong in it. */
  async end(): Promise<readonly string[]> {
    for (const socket of this.#silent) socket.destroy();
    await Promise.all(this.#stalled.map(client => client.readToEnd()));
    return this.#stalled.flatMap(client => client.record('stopped', undefined).wrong);
  }
}
