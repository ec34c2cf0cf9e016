import { dataTypeOf, mediaTypes } from '../protocols/media-types.js';
import type { DataType } from '../protocols/messages.js';

/** How a body is to be read. */
export interface BodyType {
  readonly dataType: DataType;
  readonly charset: string;
}

/** Media types of what clients can be sent. [upstream-events 3.3] */
export const sendableTypes: readonly string[] = Object.values(mediaTypes);

const charsetParameter = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/** As upstreams write them. Hot path: no parsing. */
const usual: ReadonlyMap<string, BodyType> = new Map(
  sendableTypes
    .flatMap(type => ['', ';charset=utf-8', '; charset=utf-8', '; charset=UTF-8'].map(charset => type + charset))
    .map(header => [header, parse(header)!]),
);

/** Undefined for a media type that clients cannot be sent; a missing one is binary. Letter case does not count. [upstream-events D41] */
export function bodyTypeOf(contentType: string): BodyType | undefined {
  return usual.get(contentType) ?? parse(contentType);
}

/** The charset that a `Content-Type` declares, or else UTF-8. */
export function charsetOf(contentType: string): string {
  return charsetParameter.exec(contentType)?.[1] ?? 'utf-8';
}

function parse(contentType: string): BodyType | undefined {
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const dataType = mediaType === '' ? 'binary' : dataTypeOf(mediaType);
  return dataType && { dataType, charset: charsetOf(contentType) };
}
