/** What the checks use of pusher-js. (Its own types are there only once the suite is installed.) */
export interface PusherJs extends Emitter {
  readonly connection: Emitter & { readonly state: string; readonly socket_id: string };
  readonly user: Emitter & { readonly watchlist: Emitter };
  subscribe(channel: string): Channel;
  unsubscribe(channel: string): void;
  signin(): void;
  connect(): void;
  disconnect(): void;
}

export interface Emitter {
  // biome-ignore lint/suspicious/noExplicitAny: as in the library
  bind(event: string, listener: (data: any, metadata?: any) => void): unknown;
}

export interface Channel extends Emitter {
  readonly subscribed: boolean;
  readonly subscriptionCount?: number;
  /** Of presence channels. */
  readonly members: {
    readonly count: number;
    readonly me: Member | null;
    get(id: string): Member | null;
  };
  trigger(event: string, data: unknown): boolean;
}

export interface Member {
  readonly id: string;
  readonly info: unknown;
}

export type PusherJsConstructor = new (key: string, options: object) => PusherJs;
