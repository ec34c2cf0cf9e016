import { MIMEType } from 'node:util';
import type { FastifyRequest } from 'fastify';
import { dataTypeOf, mediaTypes } from '../protocols/media-types.js';
import type { DataType, Payload } from '../protocols/messages.js';
import { metadataFromHeaders } from '../protocols/metadata.js';
import { utf8Of } from '../protocols/text.js';
import { badRequest, RestFailure, wholeRequest } from './failures.js';

/** Largest body of a send. [rest-api 2.8] */
export const maxBodyBytes = 1024 * 1024;

/** Media types of what can be sent. */
const { json, text, binary } = mediaTypes;
const sendableTypes: readonly string[] = [json, text, binary];

interface ContentType {
  readonly dataType: DataType;
  readonly charset: string;
}

/** As SDKs write them. Hot path: no parsing, and no decoder for the charset. */
const usualContentTypes: ReadonlyMap<string, ContentType> = new Map(
  sendableTypes
    .flatMap(type => ['', ';charset=utf-8', '; charset=utf-8', '; charset=UTF-8'].map(charset => type + charset))
    .map(header => [header, parseContentType(header)]),
);

/**
 * The message in a send's body and headers. JSON is checked, but its bytes stay as they came. [rest-api 2.8]
 * @throws RestFailure `unsupportedMediaType`; `invalid` for text that is none and for metadata beyond its limits
 */
export function payloadOf(request: FastifyRequest): Payload {
  const { dataType, charset } = contentTypeOf(request);
  const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
  const bytes = dataType === 'binary' ? body : utf8BodyOf(body, charset);
  if (dataType === 'json') parseJson(bytes);
  return { dataType, bytes, metadata: metadataFromHeaders(request.raw.rawHeaders) };
}

/**
 * The value in a body that has to be JSON, by its media type too. [rest-api 2.8]
 * @throws RestFailure `unsupportedMediaType`; `invalid` for text that is no JSON
 */
export function jsonOf(request: FastifyRequest): unknown {
  const type = request.headers['content-type'];
  if (type === undefined || parseMime(type).essence !== json) {
    throw unsupported('The Content-Type of this operation must be application/json.');
  }
  const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
  return parseJson(utf8BodyOf(body, contentTypeOf(request).charset));
}

function contentTypeOf(request: FastifyRequest): ContentType {
  const header = request.headers['content-type'];
  if (header === undefined) return { dataType: 'binary', charset: '' };
  return usualContentTypes.get(header) ?? parseContentType(header);
}

function parseContentType(header: string): ContentType {
  const mime = parseMime(header);
  const dataType = dataTypeOf(mime.essence);
  if (dataType === undefined || !sendableTypes.includes(mime.essence)) {
    throw unsupported(`Content-Type ${mime.essence} is not supported; use ${sendableTypes.join(', ')}.`);
  }
  return { dataType, charset: mime.params.get('charset') ?? 'utf-8' };
}

function parseMime(header: string): MIMEType {
  try {
    return new MIMEType(header);
  } catch {
    throw unsupported('The Content-Type header is malformed.'); // the parser's own words would only repeat the header
  }
}

function utf8BodyOf(body: Buffer, charset: string): Buffer {
  const text = utf8Of(body, charset);
  if (Buffer.isBuffer(text)) return text;
  if (text.reason === 'unknownCharset') throw unsupported(`The charset "${text.charset}" is not supported.`);
  throw badRequest(wholeRequest, `The request body is not valid ${text.charset} text.`);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badRequest(wholeRequest, 'The request body is not a valid JSON.'); // where it broke would quote the body
  }
}

function unsupported(message: string): RestFailure {
  return new RestFailure('unsupportedMediaType', 'Error.UnsupportedMediaType', 'Content-Type', message);
}
