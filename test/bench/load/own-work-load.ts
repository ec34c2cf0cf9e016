import type { OwnWork } from '../servers/own-work.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Load, Work } from './slice.js';

/** Lets a server work by itself. */
export class OwnWorkLoad implements Load {
  readonly #server: ServerProcess;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  async run(durationMs: number): Promise<Work> {
    const response = await fetch(`${this.#server.listening.public}/?ms=${durationMs}`);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return (await response.json()) as OwnWork;
  }
}
