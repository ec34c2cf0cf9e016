import { BadEnvelope } from './bad-envelope.js';
import { BodyReader } from './body-reader.js';

/** Of envelopes: all that this version reads and writes, the newest last. [cluster 3.3] */
export const formats: readonly number[] = [1];

/** The newest format that this node and all others can read: before and after an upgrade by one version there is one. [CL-021] */
export function newestCommon(own: readonly number[], others: Iterable<readonly number[]>): number {
  let common = own;
  for (const other of others) common = common.filter(format => other.includes(format));
  return common.at(-1) ?? own[0] ?? 1;
}

const headAt = 5;
const macBytes = 32;

/** Makes and checks what envelopes end with when the bus is signed. [cluster 3.3] */
export interface Signer {
  /** 32 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
  accepts(bytes: Uint8Array, mac: Uint8Array): boolean;
}

/**
 * Byte 0: format · 4 bytes: length of the head, big-endian · head, JSON · bodies, one after another · 32 bytes HMAC-SHA256
 * over all before, with a signer. [cluster 3.3]
 */
export function frameOf(
  head: object,
  bodies: readonly Uint8Array[],
  signer: Signer | undefined,
  format: number = formats[0]!,
): Buffer {
  const json = JSON.stringify(head);
  const headBytes = Buffer.byteLength(json);
  let end = headAt + headBytes;
  for (const body of bodies) end += body.length;
  const frame = Buffer.allocUnsafe(end + (signer === undefined ? 0 : macBytes));
  frame[0] = format;
  frame.writeUInt32BE(headBytes, 1);
  frame.write(json, headAt);
  let at = headAt + headBytes;
  for (const body of bodies) {
    frame.set(body, at);
    at += body.length;
  }
  if (signer !== undefined) frame.set(signer.sign(frame.subarray(0, end)), end);
  return frame;
}

/**
 * Head and bodies of an envelope. The bodies are copied: what is kept of them does not keep what else came with it.
 * @throws BadEnvelope `format`, `signature`, or `head` when it is no JSON
 */
export function openFrame(data: Uint8Array, signer: Signer | undefined): { head: unknown; bodies: BodyReader } {
  if (!formats.includes(data[0] ?? 0)) throw new BadEnvelope('format', `format ${data[0] ?? 'is missing'}`);
  const signed = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const frame = signer === undefined ? signed : checked(signed, signer);
  if (frame.length < headAt) throw new BadEnvelope('head', 'shorter than an envelope can be');
  const bodiesAt = headAt + frame.readUInt32BE(1);
  if (bodiesAt > frame.length) throw new BadEnvelope('head', 'longer than the envelope');
  return {
    head: parsed(frame.toString('utf8', headAt, bodiesAt)),
    bodies: new BodyReader(Buffer.from(frame.subarray(bodiesAt))),
  };
}

function checked(frame: Buffer, signer: Signer): Buffer {
  const end = frame.length - macBytes;
  if (end < headAt || !signer.accepts(frame.subarray(0, end), frame.subarray(end))) {
    throw new BadEnvelope('signature', 'no signature of this cluster');
  }
  return frame.subarray(0, end);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new BadEnvelope('head', 'no JSON');
  }
}
