import type { Codec, Frame, Stamp } from '../protocols/codec.js';
import type { SequencedMessage } from '../protocols/messages.js';
import type { Connection } from './connection.js';
import type { Observer } from './ports.js';
import { type StateSubject, stateSubjectOf } from './replay.js';

/** What receivers of one protocol share. */
interface Share {
  readonly codec: Codec;
  readonly protocol: string;
  readonly frame: Frame | undefined;
  readonly stamp: Stamp | undefined;
  readonly about: StateSubject | undefined;
  receivers: number;
  /** Of one copy. */
  bytes: number;
}

/** Who gets a message, and until when it is of use. */
export interface FanOutOptions {
  /** Connection ids. */
  readonly excluded: readonly string[];
  readonly accepts: ((connection: Connection) => boolean) | undefined;
  /** Unix milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
}

/**
 * Writes one message to many. Encoded once per wire form; receivers of a plain protocol get the same frame, and nothing
 * is allocated for one of them; those of a reliable one share the body and get their own sequence id. Enqueues only, so
 * a slow receiver delays nobody. [design 4]
 */
export function fanOut(
  receivers: Iterable<Connection>,
  message: SequencedMessage,
  { excluded, accepts, expiresAtMs }: FanOutOptions,
  hub: string,
  observer: Observer,
): void {
  const shares: Share[] = [];
  const skip = excluded.length === 0 ? undefined : new Set(excluded);
  let share: Share | undefined;
  for (const connection of receivers) {
    if (skip?.has(connection.id)) continue;
    if (accepts !== undefined && !accepts(connection)) continue;
    if (share?.codec !== connection.codec) {
      share = knownShare(shares, connection.codec) ?? shareOf(shares, connection, message, expiresAtMs);
    }
    // Spelt out for plain protocols: this is where a large fan-out spends its time.
    if (share.frame !== undefined) {
      connection.deliver(share.frame);
      share.receivers += 1;
    } else if (share.stamp !== undefined) {
      deliverStamped(share, share.stamp, connection, expiresAtMs);
    }
  }
  for (const { protocol, receivers: count, bytes } of shares) {
    if (count > 0) observer.messageSent(hub, protocol, count, bytes);
  }
}

function deliverStamped(share: Share, stamp: Stamp, connection: Connection, expiresAtMs: number): void {
  const bytes = connection.deliverStamped(stamp, expiresAtMs, share.about);
  if (bytes === undefined) return; // it could not be kept, which ended the connection
  share.bytes = bytes;
  share.receivers += 1;
}

/** In a room of several protocols each receiver may differ from the one before it, so this makes nothing. */
function knownShare(shares: readonly Share[], codec: Codec): Share | undefined {
  for (let index = 0; index < shares.length; index += 1) if (shares[index]!.codec === codec) return shares[index];
  return undefined;
}

/** Simple clients have codecs of their own, but one wire form. */
function isSameForm(a: Codec, b: Codec): boolean {
  return a.encoder === b.encoder && a.sequencer === b.sequencer;
}

function shareOf(
  shares: Share[],
  { codec, protocol }: Connection,
  message: SequencedMessage,
  expiresAtMs: number,
): Share {
  const known = shares.find(share => isSameForm(share.codec, codec));
  if (known !== undefined) return known;
  const stamp = codec.sequencer?.prepare(message);
  const frame = codec.sequencer === undefined ? codec.encoder.encode(message) : undefined;
  if (frame !== undefined) frame.expiresAtMs = expiresAtMs;
  const about = stateSubjectOf(message);
  const made = { codec, protocol, frame, stamp, about, receivers: 0, bytes: frame?.bytes.length ?? 0 };
  shares.push(made);
  return made;
}
