import type { AppServer } from './app-server.js';

/** What an app server was told of one connection. */
export interface ToldOf {
  connected: number;
  disconnected: number;
  /** Different `ce-id`s of its `disconnected`. */
  readonly endIds: Set<string>;
  /** Unix milliseconds of the first one. */
  endedMs: number | undefined;
}

/** Counts, by connection, the `connected` and `disconnected` that an app server gets. */
export class EventAudit {
  readonly connections = new Map<string, ToldOf>();

  /** From now on; what the app server answers stays as it is. */
  constructor(app: AppServer) {
    const answer = app.onPost;
    app.onPost = (response, request) => {
      const { 'ce-connectionid': id, 'ce-eventname': name, 'ce-id': eventId } = request.headers;
      if (typeof id === 'string') this.#count(id, String(name), String(eventId));
      answer(response, request);
    };
  }

  get opened(): number {
    return [...this.connections.values()].filter(({ connected }) => connected > 0).length;
  }

  get ended(): number {
    return [...this.connections.values()].filter(({ disconnected }) => disconnected > 0).length;
  }

  /** Those whose `disconnected` had several ids, or came without a `connected`, or the other way round. */
  get odd(): readonly string[] {
    return [...this.connections]
      .filter(([, { connected, endIds }]) => connected !== 1 || endIds.size !== 1)
      .map(([id, { connected, endIds }]) => `${id}: ${connected} connected, ends ${[...endIds].join()}`);
  }

  #count(id: string, name: string, eventId: string): void {
    const told = this.connections.get(id) ?? { connected: 0, disconnected: 0, endIds: new Set(), endedMs: undefined };
    this.connections.set(id, told);
    if (name === 'connected') told.connected += 1;
    if (name !== 'disconnected') return;
    told.disconnected += 1;
    told.endIds.add(eventId);
    told.endedMs ??= Date.now();
  }
}
