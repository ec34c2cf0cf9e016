import type { DataType } from '../protocols/messages.js';

/** How a body is to be read. */
export interface BodyType {
  readonly dataType: DataType;
  readonly charset: string;
}

const dataTypes: ReadonlyMap<string, DataType> = new Map([
  ['text/plain', 'text'],
  ['application/json', 'json'],
  ['application/octet-stream', 'binary'],
  ['application/x-protobuf', 'protobuf'],
]);

/** What clients can be sent. [upstream-events 3.3] */
export const mediaTypes: readonly string[] = [...dataTypes.keys()];

const charsetParameter = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/** As upstreams write them, so that an event costs no parsing. */
const usual: ReadonlyMap<string, BodyType> = new Map(
  mediaTypes
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
  const dataType = mediaType === '' ? 'binary' : dataTypes.get(mediaType);
  return dataType && { dataType, charset: charsetOf(contentType) };
}
