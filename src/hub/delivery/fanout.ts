import { FrameList, type Frames } from '../../frames/frames.js';
import { encodeWith, type Protocol } from '../../protocols/protocol.js';
import type { Connection } from '../connection.js';
import type { Observer } from '../ports.js';
import { BodyBatch, type Sends } from './batch.js';

/** Which connections of a target receive a message. */
export interface Conditions {
  /** Connection ids that are excluded. */
  readonly excluded: readonly string[];
  readonly accepts: ((connection: Connection) => boolean) | undefined;
}

/** What receivers of one wire form share. */
interface Share {
  readonly protocol: Protocol;
  /** Of a plain protocol: the messages that it can express. */
  readonly frames: Frames | undefined;
  /** The same of a reliable protocol. */
  readonly batch: BodyBatch | undefined;
  receivers: number;
  /** Of a reliable protocol: the first message's id at the last receiver, from which the size of all receivers' messages is estimated: ids differ by a few digits. */
  firstId: number;
}

/**
 * Writes messages to many, in order. Encoded once per wire form; receivers of a plain protocol get the same frames, and
 * nothing is allocated for one of them; those of a reliable one share the bodies and get their own sequence ids. Enqueues
 * only, so a slow receiver delays no other. [design 4]
 *
 * ```
 * sends of one turn, one audience ──▶ per wire form ──▶ per receiver ───────────────────▶ per socket and turn ──▶ kernel
 *  PendingSends                        Share             plain: the same Frames             Run, shared by          one write
 *                                                        numbered: the same BodyBatch,      equal queues,
 *                                                        NumberedFrames with its own ids    joined once
 *                                                        └▶ kept until acknowledged (ReplayBuffer)
 * ```
 *
 * @returns how many connections they were written to
 */
export function fanOut(
  receivers: Iterable<Connection>,
  sends: Sends,
  { excluded, accepts }: Conditions,
  hub: string,
  observer: Observer,
): number {
  const shares: Share[] = [];
  const skip = excluded.length === 0 ? undefined : new Set(excluded);
  let share: Share | undefined;
  for (const connection of receivers) {
    if (skip?.has(connection.id)) continue;
    if (accepts !== undefined && !accepts(connection)) continue;
    if (share?.protocol !== connection.protocol) {
      share = knownShare(shares, connection.protocol) ?? shareOf(shares, connection, sends);
    }
    give(share, connection);
  }
  let total = 0;
  for (const each of shares) {
    report(each, hub, observer);
    each.batch?.forgetFrames();
    total += each.receivers;
  }
  return total;
}

function give(share: Share, connection: Connection): void {
  if (share.frames !== undefined) {
    connection.send(share.frames);
    share.receivers += 1;
  } else if (share.batch !== undefined) {
    const firstId = connection.sendNumbered(share.batch);
    if (firstId === undefined) return; // it could not be kept, which ended the connection
    share.firstId = firstId;
    share.receivers += 1;
  }
}

/** In a room of several protocols each receiver may differ from the one before it, so this makes nothing. */
function knownShare(shares: readonly Share[], protocol: Protocol): Share | undefined {
  for (let index = 0; index < shares.length; index += 1) if (shares[index]!.protocol === protocol) return shares[index];
  return undefined;
}

/** Simple clients have protocols of their own, but one wire form. */
function isSameForm(a: Protocol, b: Protocol): boolean {
  return a.encoder === b.encoder && a.reliability === b.reliability;
}

function shareOf(shares: Share[], { protocol }: Connection, sends: Sends): Share {
  const known = shares.find(share => isSameForm(share.protocol, protocol));
  if (known !== undefined) return known;
  const made = {
    protocol,
    frames: framesOf(sends, protocol),
    batch: protocol.reliability && BodyBatch.of(sends, protocol.reliability.numbering),
    receivers: 0,
    firstId: 0,
  };
  shares.push(made);
  return made;
}

function framesOf(sends: Sends, { encoder, reliability }: Protocol): Frames | undefined {
  if (reliability !== undefined) return undefined;
  const frames = sends.flatMap(({ message, expiresAtMs }) => {
    const frame = encodeWith(encoder, message);
    return frame === undefined ? [] : [frame.expiringAt(expiresAtMs)];
  });
  return frames.length > 1 ? new FrameList(frames) : frames[0];
}

function report({ protocol, frames, batch, receivers, firstId }: Share, hub: string, observer: Observer): void {
  if (receivers === 0) return;
  const sizes = batch?.sizesFrom(firstId) ?? frames?.each().map(({ bytes }) => bytes.length) ?? [];
  for (const bytes of sizes) observer.sent(hub, protocol.name, receivers, bytes);
}
