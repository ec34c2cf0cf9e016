import type { Guard } from '../load/guard.js';
import type { RawClient } from '../load/raw-client.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';

/** Another product that brings messages from one to many. */
export interface Peer {
  readonly name: string;
  /** Can it be started on this machine? */
  isPresent(): boolean;
  start(stage: Stage): Promise<ServerProcess>;
  /** A client that is ready to publish, and hears what is said in the group unless that is undefined. */
  dial(server: ServerProcess, group: string | undefined, guard: Guard): Promise<RawClient>;
  /** A frame that publishes text; only others than its sender hear it. */
  publish(group: string, text: string): Buffer;
  /** The text of a message from a group. @throws Error when it is something else */
  textOf(message: Buffer): string;
}
