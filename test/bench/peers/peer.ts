import type { Lengths } from '../load/frames.js';
import type { Guard } from '../load/guard.js';
import type { RawClient } from '../load/raw-client.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';

/** What a client does in a group. */
export type Part = 'publisher' | 'subscriber';

/** Another product that brings messages from one to many. */
export interface Peer {
  readonly name: string;
  /** Can it be started on this machine? */
  isPresent(): boolean;
  start(stage: Stage): Promise<ServerProcess>;
  /** A client that is ready for its part. What a publisher hears, if anything, disturbs nobody. */
  dial(server: ServerProcess, group: string, part: Part, guard: Guard): Promise<RawClient>;
  /** A frame that publishes text; only others than its sender hear it. */
  publish(group: string, text: string): Buffer;
  /** The text of a message from a group. @throws Error when it is something else */
  textOf(message: Buffer): string;
  /** Lengths of the messages that follow this one. */
  lengthsOf(message: Buffer): Lengths;
}
