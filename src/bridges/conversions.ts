import { PubSubError } from '../errors.js';
import type { GroupMessage, Metadata, Payload } from '../protocols/messages.js';
import { checkMetadata } from '../protocols/metadata.js';

/** Key of the metadata in which receivers in a hub find the event's name. */
const eventKey = 'event';

/** The data of an event of a channel: text as it is, JSON as its text. Undefined: there is none in this protocol. [pusher-webhooks 5.4] */
export function eventDataOf({ dataType, bytes }: Payload): Buffer | undefined {
  switch (dataType) {
    case 'text':
      return bytes;
    case 'json':
      return textOfJson(bytes);
    default:
      return undefined;
  }
}

/** A JSON string is its text, as where a Pusher client is sent one. */
function textOfJson(json: Buffer): Buffer {
  const text = json.toString('utf8').trim();
  return text.startsWith('"') ? Buffer.from(JSON.parse(text) as string, 'utf8') : json;
}

/** An event as a message of a group: its data as text, its name in the metadata, as far as that can contain it. */
export function groupPayloadOf({ payload, event }: GroupMessage): Payload {
  return { ...payload, metadata: event === undefined ? payload.metadata : metadataOf(event) };
}

function metadataOf(event: string): Metadata | undefined {
  try {
    return checkMetadata([[eventKey, event]]);
  } catch (error) {
    if (error instanceof PubSubError) return undefined; // a name in another script
    throw error;
  }
}
