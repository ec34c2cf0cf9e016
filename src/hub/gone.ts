import { PubSubError } from '../errors.js';
import type { GroupMember } from '../protocols/messages.js';

/** A connection of a node that is gone, as far as others were told of it. */
export interface GoneConnection {
  readonly id: string;
  /** `""` is anonymous, as undefined is. */
  readonly userId: string | undefined;
  /** Groups in which it had a state. */
  readonly states: Iterable<string>;
  /** Whom it presented to groups. */
  readonly members: Iterable<readonly [group: string, member: GroupMember]>;
  /** As its client had said, who may be watched; undefined: it had not. */
  readonly signedInAs: string | undefined;
  /** Groups whose members are told how many connections they have, of which it was one. */
  readonly counted: Iterable<string>;
  /** The tag of its node. */
  readonly by: string;
}

/** More waits to be kept for other nodes than may. [CL-060] */
export function notKept(): PubSubError {
  const reason = 'what happens to clients cannot be kept for other nodes: the store has not answered for too long';
  return new PubSubError('unknown', reason);
}
