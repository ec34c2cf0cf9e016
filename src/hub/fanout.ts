import type { Encoder, Frame } from '../protocols/codec.js';
import type { DataMessage } from '../protocols/messages.js';
import type { Connection } from './connection.js';
import type { Observer } from './ports.js';

/** What receivers of one wire form share. */
interface Share {
  readonly encoder: Encoder;
  readonly protocol: string;
  readonly frame: Frame | undefined;
  receivers: number;
}

/**
 * Writes one message to many. Encoded once per encoder; all its receivers get the same frame, and nothing is allocated
 * for one of them. Enqueues only, so a slow receiver delays nobody. [design 4]
 */
export function fanOut(
  receivers: Iterable<Connection>,
  message: DataMessage,
  excluded: readonly string[],
  hub: string,
  observer: Observer,
): void {
  const shares: Share[] = [];
  const skip = excluded.length === 0 ? undefined : new Set(excluded);
  let share: Share | undefined;
  for (const connection of receivers) {
    if (skip?.has(connection.id)) continue;
    const { encoder } = connection.codec;
    if (share?.encoder !== encoder) share = shareOf(shares, connection, message);
    if (share.frame === undefined) continue;
    connection.deliver(share.frame);
    share.receivers += 1;
  }
  for (const { protocol, frame, receivers: count } of shares) {
    if (frame !== undefined) observer.messageSent(hub, protocol, count, frame.bytes.length);
  }
}

function shareOf(shares: Share[], connection: Connection, message: DataMessage): Share {
  const { encoder } = connection.codec;
  const known = shares.find(share => share.encoder === encoder);
  if (known !== undefined) return known;
  const made = { encoder, protocol: connection.protocol, frame: encoder.encode(message), receivers: 0 };
  shares.push(made);
  return made;
}
