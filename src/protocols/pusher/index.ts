import { type ErrorKind, outcomes, PubSubError } from '../../errors.js';
import type { Frame } from '../../frames/frames.js';
import type { PresenceMessage, ServerMessage } from '../messages.js';
import type { Encoder, Protocol } from '../protocol.js';
import * as frames from './frames.js';
import { closeCodes as codes } from './names.js';

export { type DialogueApp, PusherDialogue } from './dialogue.js';

/** Of both sides; a client may set a shorter one for itself. */
export interface PusherTimes {
  /** A side that was silent for so long is pinged by the other. Whole seconds, at least one. */
  readonly activityTimeoutMs: number;
  readonly pongTimeoutMs: number;
}

export const defaultTimes: PusherTimes = { activityTimeoutMs: 120_000, pongTimeoutMs: 30_000 };

/** A client whose own error it is must not come again; one that we cannot serve must wait. [PW §3.10] */
const closeCodes: Protocol['closeCodes'] = {
  ...(Object.fromEntries(
    Object.entries(outcomes).map(([kind, { http }]) => [
      kind,
      http === 401 || http === 403 ? codes.unauthorized : codes.overCapacity,
    ]),
  ) as Record<ErrorKind, number>),
  notFound: codes.unknownApp,
  shuttingDown: codes.reconnect,
  closedByAppServer: codes.unauthorized,
  pingTimeout: codes.pongNotReceived,
};

/** Pusher's protocols: 6 and 7, and the older 4 and 5, which tell a fatal error in a message before they close. [PW §7, row 39] */
export interface PusherProtocols {
  readonly current: Protocol;
  readonly older: Protocol;
}

export function pusherProtocols({ activityTimeoutMs, pongTimeoutMs }: PusherTimes): PusherProtocols {
  const seconds = Math.max(1, Math.round(activityTimeoutMs / 1_000));
  const of = (tellsErrors: boolean): Protocol => ({
    name: 'pusher',
    subprotocol: undefined,
    encoder: encoderOf(seconds, tellsErrors),
    reliability: undefined,
    closeCodes,
    tellsCloseReason: true,
    silence: { frames: frames.ping, afterMs: activityTimeoutMs, answerWithinMs: pongTimeoutMs },
    begin() {
      throw new PubSubError('internal', 'a dialogue with a Pusher client begins at its entrance, which knows the app');
    },
  });
  return { current: of(false), older: of(true) };
}

function encoderOf(activityTimeoutSeconds: number, tellsErrors: boolean): Encoder {
  return {
    encode(message: ServerMessage): Frame | undefined {
      switch (message.kind) {
        case 'groupMessage':
        case 'serverMessage':
          return frames.channelEvent(message);
        case 'connected':
          return frames.connectionEstablished(message.connectionId, activityTimeoutSeconds);
        case 'disconnected':
          return tellsErrors ? frames.pusherError(message.code ?? null, message.reason) : undefined;
      }
    },
    encodePresence,
  };
}

function encodePresence(message: PresenceMessage): Frame {
  switch (message.kind) {
    case 'memberAdded':
      return frames.memberAdded(message.group, message.member);
    case 'memberRemoved':
      return frames.memberRemoved(message.group, message.member);
    case 'memberCount':
      return frames.subscriptionCount(message.group, message.count);
    case 'usersChanged':
      return frames.watchlistEvents(message.online, message.offline);
  }
}
