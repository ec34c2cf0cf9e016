import type { PubSubError } from '../../errors.js';
import { type Frame, FrameList, type Frames } from '../../frames/frames.js';
import type { ActOf } from '../acts.js';
import type { Step } from '../protocol.js';
import * as frames from './frames.js';
import { errorCodes } from './names.js';

/** What Pusher clients are told of what is refused. [PW §3.5, §3.6, §3.9] */

export function eventNameRule(most: number): string {
  return `An event name has 1 to ${most} characters and no control characters.`;
}

/** Longest part of a name that an answer repeats. */
const shown = 200;

export function refused(message: string, code: number | null = null): Step {
  return { kind: 'say', frames: frames.pusherError(code, message) };
}

export function notSignedIn(reason: string): Step {
  return refused(`Sign-in failed: ${reason}.`, errorCodes.unauthorized);
}

export function notAuthorized(channel: string, hint = 'Its signature, or the key that it names, is not valid.'): Step {
  return notSubscribed(channel, 'AuthError', `Not authorized for channel ${channel}. ${hint}`, 401);
}

/** The channel's own error, and one that clients without it see. [PW §3.5] */
export function notSubscribed(channel: string, type: string, error: string, status?: number): Step {
  return { kind: 'say', frames: subscriptionErrors(channel, type, error, status) };
}

export function subscriptionErrors(channel: string, type: string, error: string, status?: number): Frames {
  const list: Frame[] = [
    frames.subscriptionError(shortened(channel), type, error, status),
    frames.pusherError(null, error),
  ];
  return new FrameList(list);
}

export function joinError(channel: string, error: PubSubError): Frames {
  switch (error.kind) {
    case 'conflict':
      return frames.pusherError(null, `Existing subscription to channel ${channel}`);
    case 'tooMany':
      return frames.subscriptionError(channel, 'LimitReached', error.message, 4100);
    default:
      return subscriptionErrors(channel, 'ServerError', error.publicText, error.outcome.http);
  }
}

export function unsubscribeError(channel: string, { kind, publicText }: PubSubError): Frames {
  const text = kind === 'conflict' ? `No current subscription to channel ${shortened(channel)}` : publicText;
  return frames.pusherError(null, text);
}

export function clientEventError(
  { event = '', group, mostPerSecond }: ActOf<'publish'>,
  { kind, publicText }: PubSubError,
): Frames {
  if (kind === 'tooMany') {
    const text = `${event} was not sent: a connection may send ${mostPerSecond} client events a second.`;
    return frames.pusherError(errorCodes.clientEventRefused, text);
  }
  const text = kind === 'forbidden' ? `${event} was not sent: not subscribed to channel ${group}` : publicText;
  return frames.pusherError(null, text);
}

export function unknownEvent(event: string): string {
  return `${shortened(event)} is not an event that clients may send; their own begin with client-.`;
}

export function invalidChannel(channel: string, most: number): string {
  return `${shortened(channel)} is not a channel: a name has 1 to ${most} letters, digits and _-=@,.; and is neither . nor ..`;
}

export function tooManyBytes(bytes: number, most: number): string {
  return `The event's data has ${bytes} bytes; at most ${most} are allowed.`;
}

/** Answers do not repeat what is longer than any valid name. */
function shortened(text: string): string {
  return text.length > shown ? `${text.slice(0, shown)}…` : text;
}
