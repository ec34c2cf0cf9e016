import { crc32 } from 'node:zlib';
import type { AttemptRecord } from '../envelope.js';

/** What a stored envelope has beside its content; endpoint and place are in its key. */
export interface RowHead {
  readonly id: string;
  /** Ordering key. */
  readonly key?: string | undefined;
  readonly createdAtMs: number;
  readonly acceptedAtMs: number;
  readonly attempts?: number | undefined;
  readonly history?: readonly AttemptRecord[] | undefined;
  readonly isReplay?: boolean | undefined;
  /** Of dead letters. */
  readonly endpoint?: string | undefined;
  readonly diedAtMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** A row of an envelope, or of something else that has a head. */
export interface Row<Head = RowHead> {
  readonly head: Head;
  readonly content: Buffer;
}

/** The stored bytes are not those that were written. */
export class CorruptRow extends Error {}

const headStart = 8;

/** CRC-32 of all that follows (4 bytes), length of the head (4 bytes), the head as JSON, the content. */
export function encodeRow(head: object, content: Buffer): Buffer {
  const text = JSON.stringify(head);
  const headBytes = Buffer.byteLength(text);
  const row = Buffer.allocUnsafe(headStart + headBytes + content.length);
  row.writeUInt32LE(headBytes, 4);
  row.write(text, headStart);
  content.copy(row, headStart + headBytes);
  row.writeUInt32LE(crc32(row.subarray(4)), 0);
  return row;
}

/** @throws CorruptRow */
export function decodeRow<Head = RowHead>(row: Buffer): Row<Head> {
  if (row.length < headStart || row.readUInt32LE(0) !== crc32(row.subarray(4))) {
    throw new CorruptRow('a row has a wrong checksum');
  }
  const contentStart = headStart + row.readUInt32LE(4);
  const head = JSON.parse(row.toString('utf8', headStart, contentStart)) as Head;
  return { head, content: row.subarray(contentStart) };
}
