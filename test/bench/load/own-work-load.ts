import type { OwnWork } from '../servers/own-work.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Load, Work } from './slice.js';

/** Has a server work by itself. */
export class OwnWorkLoad implements Load {
  readonly #server: ServerProcess;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  async prepare(): Promise<void> {
    await this.#get('prepare');
  }

  async run(durationMs: number): Promise<Work> {
    return JSON.parse(await this.#get(`?ms=${durationMs}`)) as OwnWork;
  }

  async #get(path: string): Promise<string> {
    const response = await fetch(`${this.#server.listening.public}/${path}`);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.text();
  }
}
