import type { Lengths } from '../load/frames.js';
import type { Guard } from '../load/guard.js';
import type { HttpCall } from '../load/http-publisher.js';
import type { IdleClient } from '../load/idle-load.js';
import type { RawClient } from '../load/raw-client.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';

/** What a client does in a group. */
export type Part = 'publisher' | 'subscriber';

/** How a scenario wants a product set. One without such a setting does as it always does. */
export interface Wanted {
  /** Of pings that the server begins. Undefined: so rare that none is taken for a delivery. */
  readonly pingIntervalMs?: number;
  /** What clients' tokens are signed with, by HS256. Undefined: everybody may come in. */
  readonly tokenKey?: string;
}

/** Another product that brings messages from one to many. What not all can do is optional. */
export interface Peer {
  readonly name: string;
  /** Can it be started on this machine? */
  isPresent(): boolean;
  start(stage: Stage, wanted?: Wanted): Promise<ServerProcess>;
  /** A client that is ready for its part. What a publisher hears, if anything, disturbs nobody. */
  dial(server: ServerProcess, group: string, part: Part, guard: Guard): Promise<RawClient>;
  /** A frame that publishes text; only others than its sender hear it. */
  publish(group: string, text: string): Buffer;
  /** The text of a message from a group. @throws Error when it is something else */
  textOf(message: Buffer): string;
  /** Lengths of the messages that follow this one. */
  lengthsOf(message: Buffer): Lengths;
  /** See `Subscriber.signOfLife`. */
  readonly signOfLife?: Buffer;
  /** A call of its HTTP API that sends text to a group. */
  sendOverHttp?(server: ServerProcess, group: string, text: string): HttpCall;
  /** Makes ready what a client with this token says, so that only its coming is measured; it is let in once the promise resolves. */
  comer?(server: ServerProcess, token: string): (guard: Guard) => Promise<RawClient>;
  /** A client that is in no group, with one ping in each interval. */
  idleClient?(server: ServerProcess, pingIntervalMs: number): IdleClient;
}
