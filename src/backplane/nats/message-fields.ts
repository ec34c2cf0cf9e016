import type { KeptMessage } from '../../hub/features/kept-message.js';
import type {
  DataMessage,
  GroupMember,
  GroupMessage,
  GroupStateItem,
  Payload,
  PublishedMessage,
  StreamPosition,
} from '../../protocols/messages.js';
import {
  anyRecord,
  byKind,
  bytes,
  count,
  type Field,
  flag,
  list,
  oneOf,
  optional,
  record,
  text,
  textMap,
  time,
  uint64,
} from './fields.js';

/** Messages as they travel between nodes: neutral, not as frames. [cluster 3.3] */

/** A type's place in it is its number on the wire. */
export const dataTypes: readonly Payload['dataType'][] = ['text', 'json', 'binary', 'protobuf'];

const payload = record<Payload>({
  dataType: oneOf(...dataTypes),
  bytes,
  metadata: optional(textMap),
});

const stream = record<StreamPosition>({
  streamId: text,
  sequenceId: uint64,
  isEnd: flag,
  error: optional(
    record<NonNullable<StreamPosition['error']>>({
      name: text,
      message: optional(text),
      userErrorCode: optional(text),
    }),
  ),
});

export const member = record<GroupMember>({ id: text, about: anyRecord });

const dataMessages = {
  groupMessage: record<Omit<GroupMessage, 'kind'>>({
    group: text,
    fromUserId: optional(text),
    payload,
    stream: optional(stream),
    event: optional(text),
  }),
  serverMessage: record({ payload }),
};

const aboutMember = record({ group: text, member });

export const publishedMessage: Field<PublishedMessage> = byKind<PublishedMessage>({
  ...dataMessages,
  memberAdded: aboutMember,
  memberRemoved: aboutMember,
  memberCount: record({ group: text, count }),
  usersChanged: record({ online: list(text), offline: list(text) }),
});

export const keptMessage = record<KeptMessage>({
  message: byKind<DataMessage>(dataMessages),
  atMs: time,
  ttlMs: time,
});

export const stateItem = record<GroupStateItem>({
  connectionId: text,
  userId: optional(text),
  state: optional(textMap),
  updatedAtMs: time,
});
