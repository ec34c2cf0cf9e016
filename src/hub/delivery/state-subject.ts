import type { NumberedMessage } from '../../protocols/messages.js';

/** What a group-state message is about: a later one about the same takes its place. [client-protocols D24] */
export interface StateSubject {
  readonly group: string;
  /** Undefined: a snapshot, which takes the place of everything about its group. */
  readonly connectionId: string | undefined;
}

/** Undefined for messages that are kept one by one. */
export function stateSubjectOf(message: NumberedMessage): StateSubject | undefined {
  if (message.kind === 'groupStateSnapshot') return { group: message.group, connectionId: undefined };
  if (message.kind !== 'groupStateUpdate') return undefined;
  const [item, ...others] = message.items;
  return item === undefined || others.length > 0
    ? undefined
    : { group: message.group, connectionId: item.connectionId };
}
