import type { Dialogue, Protocol } from '../protocols/protocol.js';
import type { ReplayBuffer } from './delivery/replay-buffer.js';
import type { Ending } from './endings.js';
import type { Permissions } from './permissions.js';
import type { ConnectionEvents, Outlet } from './ports.js';

/** What a connection is made of, once it is accepted. */
export interface ConnectionParts {
  readonly id: string;
  /** `""` is anonymous, as undefined is. */
  readonly userId: string | undefined;
  readonly protocol: Protocol;
  /** Begun by the entrance, where the client's handshake is a part of the dialogue; else it begins here. */
  readonly dialogue?: Dialogue | undefined;
  readonly permissions: Permissions;
  readonly upstream: ConnectionEvents;
  /** Undefined: its client is away, and `suspend` is called next. */
  readonly outlet: Outlet | undefined;
  /** Of a session that goes on; else a new one, where its protocol is reliable. */
  readonly replay?: ReplayBuffer | undefined;
}

/**
 * A connection outlives its socket when its protocol is reliable: it is then suspended for a while, still a member of
 * its groups, and what it is sent waits in its replay buffer. [client-protocols 5.2]
 */
export type Link =
  | { readonly state: 'open'; readonly outlet: Outlet }
  | { readonly state: 'suspended'; readonly cancelExpiry: () => void }
  /** What it has under way ends; then another node carries it on. */
  | { readonly state: 'frozen'; readonly wake: () => void }
  | { readonly state: 'closed'; readonly ending: Ending };

/** What remains to be closed of a connection that ended. */
export interface Ended {
  /** Undefined when it was suspended. */
  readonly outlet: Outlet | undefined;
}

/** Ends what a link waits for. */
export function release(link: Link): void {
  if (link.state === 'suspended') link.cancelExpiry();
  else if (link.state === 'frozen') link.wake();
}
