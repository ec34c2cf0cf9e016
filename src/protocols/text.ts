import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';

/** Why bytes are not valid text of their `Content-Type`. */
export interface TextFault {
  readonly reason: 'unknownCharset' | 'notThatCharset';
  /** As declared, or as its decoder calls it. */
  readonly charset: string;
}

/**
 * A text's bytes in UTF-8 without a byte order mark, which says how a text is coded and is no part of it.
 * @param charset as `Content-Type` has it, in any case; the byte order of `utf-16` is that of its mark [rest-api 2.8]
 */
export function utf8Of(body: Buffer, charset: string): Buffer | TextFault {
  if (charset.toLowerCase() === 'utf-8' && isUtf8(body)) return withoutMark(body); // no decoder is made for what needs none
  const decoder = decoderOf(charset, body);
  if (decoder === undefined) return { reason: 'unknownCharset', charset };
  try {
    return Buffer.from(decoder.decode(body), 'utf8');
  } catch {
    return { reason: 'notThatCharset', charset: decoder.encoding };
  }
}

/** Without a byte order mark of UTF-8. */
export function withoutMark(body: Buffer): Buffer {
  return startsWith(body, 0xef, 0xbb, 0xbf) ? body.subarray(3) : body;
}

/** Decoders drop the mark of their own encoding; `utf-16` is read as little-endian unless its mark says otherwise. */
function decoderOf(charset: string, body: Buffer): TextDecoder | undefined {
  const label = /^utf-?16$/i.test(charset) && startsWith(body, 0xfe, 0xff) ? 'utf-16be' : charset;
  try {
    return new TextDecoder(label, { fatal: true });
  } catch {
    return undefined; // there is none of that name
  }
}

function startsWith(body: Buffer, first: number, ...rest: number[]): boolean {
  return body[0] === first && rest.every((byte, index) => body[index + 1] === byte);
}
