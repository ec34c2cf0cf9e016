import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type CloseCategory, PubSubError } from '../errors.js';

/**
 * A session as plain data, with which another node carries it on. It contains durations and no monotonic times, since
 * those of two nodes differ; a uint64 is a decimal text. Every change of what it contains takes a new version.
 */
const version = 1;

/** May be missing. */
function maybe<T extends TSchema>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Undefined()]));
}

const count = Type.Integer({ minimum: 0 });
const uint64 = Type.String({ pattern: '^[0-9]{1,20}$' });

const rules = Type.Object({
  isAllAllowed: Type.Boolean(),
  /** Group → allowed or denied. */
  literals: Type.Array(Type.Tuple([Type.String(), Type.Boolean()])),
  /** Texts, as in the roles. */
  patterns: Type.Array(Type.String()),
});

const permissions = Type.Object({
  joinLeaveGroup: maybe(rules),
  sendToGroup: maybe(rules),
  setGroupState: maybe(rules),
  getGroupState: maybe(rules),
});

/** @param body of a message that is not acknowledged: its bytes, or on the wire how many there are */
function replayOf<Body extends TSchema>(body: Body) {
  const unacked = {
    sequenceId: Type.Integer({ minimum: 1 }),
    /** `Body.record()`. */
    body,
    /** Milliseconds until it expires; not positive when it has. Undefined: never. */
    ttlMs: maybe(Type.Number()),
  };
  const state = {
    ...unacked,
    group: Type.String(),
    /** Undefined: a snapshot. */
    connectionId: maybe(Type.String()),
  };
  return Type.Object({
    lastId: count,
    /** In the order of their ids. */
    unacked: Type.Array(Type.Object(unacked)),
    /** About group states. */
    states: maybe(
      Type.Object({
        /** By group; within a group in the order of their ids. */
        messages: Type.Array(Type.Object(state)),
        forgotten: Type.Array(Type.String()),
        forgottenUpTo: count,
      }),
    ),
  });
}

const membership = Type.Object({
  group: Type.String(),
  /** As of `MembershipTag`; undefined for a plain one. */
  tag: maybe(Type.Record(Type.String(), Type.Unknown())),
});

const groupStates = Type.Object({
  /** Unix milliseconds of its last change of a state. */
  lastUpdateMs: maybe(Type.Number()),
  states: Type.Array(
    Type.Object({
      group: Type.String(),
      entries: Type.Array(Type.Tuple([Type.String(), Type.String()])),
      /** Unix milliseconds. */
      updatedAtMs: Type.Number(),
    }),
  ),
  subscriptions: Type.Array(
    Type.Object({
      group: Type.String(),
      /** Its snapshot is being made. */
      awaitsSnapshot: Type.Boolean(),
    }),
  ),
});

const stream = Type.Object({
  streamId: Type.String(),
  group: Type.String(),
  noEcho: Type.Boolean(),
  /** The sequence id of the next fragment. */
  expected: uint64,
  idleTimeoutMs: Type.Number(),
  /** Milliseconds until its idle timeout expires. */
  idleInMs: Type.Number(),
});

const events = Type.Object({
  /** As of `identify`. */
  userId: maybe(Type.String()),
  /** In the client's own spelling. */
  subprotocol: maybe(Type.String()),
  /** `ce-id` of the next event. [upstream-events 2.3] */
  nextId: count,
  /** `ce-connectionState`. [upstream-events 3.5] */
  state: maybe(Type.String()),
  /** As the cookie library writes them, in the order in which they were set. [upstream-events 6.4] */
  cookies: Type.Array(Type.Record(Type.String(), Type.Unknown())),
});

const parts = {
  version: Type.Literal(version),
  /** Canonical. */
  hub: Type.String(),
  connectionId: Type.String(),
  /** As spelled by the token or the upstream: `""` is anonymous, as undefined is. */
  userId: maybe(Type.String()),
  /** The name of its protocol. */
  protocol: Type.String(),
  permissions,
  memberships: Type.Array(membership),
  groupStates,
  /** The protocol's own: `Dialogue.record()`. */
  dialogue: maybe(Type.Record(Type.String(), Type.Unknown())),
  streams: Type.Array(stream),
  events,
  absence: Type.Object({
    /** Milliseconds for which the session waits for its client. */
    remainingMs: Type.Number(),
    /** Of its ending when the client stays away. */
    category: Type.Unsafe<CloseCategory>(Type.String()),
  }),
};

/** Undefined for a plain connection, which cannot be gone on with. */
const session = Type.Object({ ...parts, replay: maybe(replayOf(Type.Unsafe<Buffer>(Type.Uint8Array()))) });
const head = Type.Object({ ...parts, replay: maybe(replayOf(count)) });

export type PermissionsRecord = Static<typeof permissions>;
export type RulesRecord = Static<typeof rules>;
export type MembershipRecord = Static<typeof membership>;
export type GroupStatesRecord = Static<typeof groupStates>;
export type StreamRecord = Static<typeof stream>;
export type EventsRecord = Static<typeof events>;
export type SessionRecord = Static<typeof session>;
export type AbsenceRecord = SessionRecord['absence'];
export type ReplayRecord = NonNullable<SessionRecord['replay']>;
export type UnackedRecord = ReplayRecord['unacked'][number];
export type UnackedStatesRecord = NonNullable<ReplayRecord['states']>;

type Head = Static<typeof head>;

/** Of the length that the bytes begin with. */
const lengthBytes = 4;

/** The length of a head, the head as JSON, and then the bodies as they are: copied once, and never turned into text. */
export function writeSession({ replay, ...record }: SessionRecord): Buffer {
  const bodies: Buffer[] = [];
  const lengthOf = (body: Buffer) => {
    bodies.push(body);
    return body.length;
  };
  const json = Buffer.from(
    JSON.stringify({ ...record, replay: replay && withBodies(replay, lengthOf) } satisfies Head),
  );
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, ...bodies]);
}

/**
 * @returns a record whose bodies are views of the bytes
 * @throws PubSubError `internal`, with the first thing that is wrong, for what is not a record of this version
 */
export function readSession(bytes: Buffer): SessionRecord {
  const headEnd = bytes.length < lengthBytes ? 0 : lengthBytes + bytes.readUInt32BE();
  const { replay, ...record } = readHead(bytes.subarray(lengthBytes, headEnd));
  let at = headEnd;
  const bodyOf = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const whole = { ...record, replay: replay && withBodies(replay, bodyOf) };
  if (at !== bytes.length)
    throw invalidRecord(`its messages have ${at - headEnd} bytes, and ${bytes.length - headEnd} follow`);
  return whole;
}

function readHead(bytes: Buffer): Head {
  const value = parse(bytes);
  const found: unknown = Object(value).version;
  if (found !== version) {
    throw invalidRecord(`it has version ${JSON.stringify(found)}, and this node reads version ${version}`);
  }
  if (Value.Check(head, value)) return value;
  const problem = Value.Errors(head, value).First();
  throw invalidRecord(`${problem?.path ?? ''}: ${problem?.message ?? 'unknown problem'}`);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalidRecord('it is not JSON', error);
  }
}

/** @param problem quotes nothing that a client or an app server sent */
export function invalidRecord(problem: string, cause?: unknown): PubSubError {
  return new PubSubError('internal', `the record of a session is invalid: ${problem}`, { cause });
}

type ReplayOf<Body> = Omit<ReplayRecord, 'unacked' | 'states'> & {
  unacked: WithBody<UnackedRecord, Body>[];
  states?:
    | (Omit<UnackedStatesRecord, 'messages'> & { messages: WithBody<UnackedStatesRecord['messages'][number], Body>[] })
    | undefined;
};
type WithBody<Message, Body> = Omit<Message, 'body'> & { body: Body };

/** @param map of each body, in one order */
function withBodies<From, To>({ unacked, states, ...replay }: ReplayOf<From>, map: (body: From) => To): ReplayOf<To> {
  return {
    ...replay,
    unacked: unacked.map(message => ({ ...message, body: map(message.body) })),
    states: states && {
      ...states,
      messages: states.messages.map(message => ({ ...message, body: map(message.body) })),
    },
  };
}
