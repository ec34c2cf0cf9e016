import { type BodyLimit, noBody, type Response, type ResponseHeaders } from '../egress/exchange.js';
import { PubSubError } from '../errors.js';
import type { DataType, Metadata, Payload } from '../protocols/messages.js';
import { metadataFromHeaders, metadataHeaderPrefix } from '../protocols/metadata.js';
import { utf8Of } from '../protocols/text.js';
import { type BodyType, bodyTypeOf, sendableTypes } from './content-type.js';
import { type Answered, type Answerer, isSuccess, linesOf, requireSuccess, requireUncoded, shown } from './reply.js';

const empty = Buffer.alloc(0);

/** How much of the body of a user event's answer is read. */
export function eventBodyLimit(status: number, maxResponseBytes: number): BodyLimit {
  return isSuccess(status) ? { bytes: maxResponseBytes, beyond: 'fail' } : noBody;
}

/**
 * The message to the client in the response to a user event; undefined: none. [upstream-events 3.3]
 * @throws PubSubError `eventFailed` for another status than 2xx, or a body that no client could be sent, compressed ones included
 */
export function readEventReply(response: Response, event: Answered, by: Answerer): Payload | undefined {
  requireSuccess(response, event, by);
  requireUncoded(response);
  const metadata = replyMetadata(response.headers);
  if (response.body.length > 0) {
    const type = typeOf(response.headers);
    const bytes = bytesOf(response.body, type);
    if (bytes.length > 0) return { dataType: type.dataType, bytes, metadata };
  }
  return metadata && { dataType: 'text', bytes: empty, metadata };
}

function typeOf(headers: ResponseHeaders): BodyType {
  const contentType = linesOf(headers, 'content-type').at(-1) ?? '';
  const type = bodyTypeOf(contentType);
  if (type !== undefined) return type;
  throw new PubSubError(
    'eventFailed',
    `the answer's Content-Type is "${shown(contentType)}", which cannot be sent to clients; use ${sendableTypes.join(', ')}`,
  );
}

/** Text and JSON go into text frames, so what is not such would end the client's connection. */
function bytesOf(body: Buffer, { dataType, charset }: BodyType): Buffer {
  if (dataType !== 'text' && dataType !== 'json') return body;
  const text = utf8Of(body, charset);
  if (!Buffer.isBuffer(text)) {
    throw text.reason === 'unknownCharset'
      ? new PubSubError('eventFailed', `the answer's charset "${shown(text.charset)}" is not supported; use utf-8`)
      : notSuch(dataType, `is not valid in the charset ${text.charset}`);
  }
  if (dataType === 'json' && !isJson(text)) throw notSuch(dataType, 'does not parse');
  return text;
}

function notSuch(dataType: DataType, why: string): PubSubError {
  return new PubSubError('eventFailed', `the answer is declared as ${dataType} but ${why}`);
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    // The question was whether it parses.
    return false;
  }
}

/** @throws PubSubError `eventFailed` beyond the limits [upstream-events 3.3, D42] */
function replyMetadata(headers: ResponseHeaders): Metadata | undefined {
  const flat: string[] = [];
  for (const name of Object.keys(headers)) {
    if (name.startsWith(metadataHeaderPrefix)) for (const line of linesOf(headers, name)) flat.push(name, line);
  }
  if (flat.length === 0) return undefined;
  try {
    return metadataFromHeaders(flat);
  } catch (cause) {
    throw new PubSubError('eventFailed', `the answer's metadata is not allowed: ${(cause as Error).message}`, {
      cause,
    });
  }
}
