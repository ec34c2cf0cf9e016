import type { Admission } from './admission.js';
import { notReached, type Target } from './commands.js';
import type { Backplane } from './ports.js';

/**
 * Listens to targets that have no connection yet, and waits until other nodes' calls reach them.
 * @returns what ends the listening, once connections listen themselves or will not come
 * @throws as a rejection: PubSubError `unknown`; nothing is listened to then
 */
export async function listenTo(
  backplane: Pick<Backplane, 'listen' | 'unlisten'>,
  targets: readonly Target[],
): Promise<() => void> {
  const end = () => {
    for (const target of targets) backplane.unlisten(target);
  };
  try {
    await Promise.all(targets.map(target => backplane.listen(target)));
    return end;
  } catch (cause) {
    end();
    throw notReached(cause);
  }
}

/** What a connection is reached by. */
export function targetsOf(
  hub: string,
  { connectionId, userId, groups }: Pick<Admission, 'connectionId' | 'userId' | 'groups'>,
): readonly Target[] {
  return [
    { scope: 'hub', hub },
    { scope: 'connection', hub, connectionId },
    ...(userId ? [{ scope: 'user', hub, userId } as const] : []), // "" is anonymous
    ...groups.map(group => ({ scope: 'group', hub, group }) as const),
  ];
}
