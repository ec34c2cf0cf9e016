import type { Command } from '../../hub/commands.js';
import type { DataMessage, GroupMessage, Payload } from '../../protocols/messages.js';
import { badHead } from './bad-envelope.js';
import type { BodyReader } from './body-reader.js';
import { count, text } from './fields.js';
import { dataTypes } from './message-fields.js';

type Send = Command & { readonly kind: 'send' };

/** In place of a name that there is not. */
const none = 0;

/**
 * How the commonest commands travel: a message with nothing but a payload, a group and a user, to all but a few. A list of the
 * payload's type and bytes, group, user and whom it is not for takes a third of the time of a record. Hot path. [cluster 3.3]
 * @param bodies to which the payload is added
 * @returns undefined for a command that has more
 */
export function writeCommonSend(command: Command, bodies: Uint8Array[]): unknown[] | undefined {
  if (command.kind !== 'send') return undefined;
  const { message, excluded, filter, ttlSeconds, keptMs } = command;
  if (filter !== undefined || ttlSeconds !== 0 || keptMs !== undefined) return undefined;
  if (message.kind !== 'groupMessage' && message.kind !== 'serverMessage') return undefined;
  const { bytes, dataType, metadata } = message.payload;
  if (metadata !== undefined) return undefined;
  const isOfGroup = message.kind === 'groupMessage';
  if (isOfGroup && (message.stream !== undefined || message.event !== undefined)) return undefined;
  bodies.push(bytes);
  const [group, user] = isOfGroup ? [message.group, message.fromUserId ?? none] : [none, none];
  return [dataTypes.indexOf(dataType), bytes.length, group, user, ...excluded];
}

/** @param json from the head of any sender @throws BadEnvelope `head` for what `writeCommonSend` does not write */
export function readCommonSend(json: readonly unknown[], bodies: BodyReader): Send {
  const dataType = dataTypes[count.read(json[0], bodies)];
  if (dataType === undefined || json.length < 4) throw badHead('not a message');
  const payload: Payload = { dataType, bytes: bodies.take(count.read(json[1], bodies)), metadata: undefined };
  const message = messageOf(json[2], json[3], payload, bodies);
  const excluded = json.length === 4 ? nobody : json.slice(4).map(id => text.read(id, bodies));
  return { kind: 'send', message, excluded, filter: undefined, ttlSeconds: 0, keptMs: undefined };
}

const nobody: readonly string[] = [];

function messageOf(group: unknown, user: unknown, payload: Payload, bodies: BodyReader): DataMessage {
  if (group === none) return { kind: 'serverMessage', payload };
  return {
    kind: 'groupMessage',
    group: text.read(group, bodies),
    fromUserId: user === none ? undefined : text.read(user, bodies),
    payload,
    stream: undefined,
    event: undefined,
  } satisfies GroupMessage;
}
