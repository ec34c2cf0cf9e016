import { PubSubError } from '../../errors.js';
import { FrameList, type Frames } from '../../frames/frames.js';
import type { Act, ActOf, ActResult, GroupView } from '../acts.js';
import { scanItems } from '../json-scan.js';
import type { GroupMember } from '../messages.js';
import { isDotSegment } from '../names.js';
import type { Dialogue, DialogueRecord, InboundFrame, Step } from '../protocol.js';
import * as frames from './frames.js';
import { ClientMessage, depthOf, type Fields, isFields, parseJson, rawMember } from './message.js';
import {
  type ChannelKind,
  channelKindOf,
  errorCodes,
  hasAtMost,
  isCacheChannel,
  isClientEvent,
  isEventName,
  isSignedInUserId,
  limits,
  userOfChannel,
} from './names.js';
import {
  clientEventError,
  eventNameRule,
  invalidChannel,
  joinError,
  notAuthorized,
  notSignedIn,
  notSubscribed,
  refused,
  tooManyBytes,
  unknownEvent,
  unsubscribeError,
} from './refusals.js';

/** What the dialogue knows of the app; read at each use, so that changes apply to open connections. Secrets stay behind it. */
export interface DialogueApp {
  /** Is the text signed by the app's server? @param auth `key:signature` */
  isSigned(auth: string, text: string): boolean;
  readonly takesClientEvents: boolean;
  /** Are the subscribers of a channel told how many they are? */
  readonly countsSubscriptions: boolean;
  readonly mostMembers: number;
  /** Of one connection. Undefined: unlimited. */
  readonly mostChannels?: number | undefined;
  readonly clientEventsPerSecond: number;
  readonly mostEventBytes: number;
  /** Are watchlists of users who sign in left out? */
  readonly ignoresWatchlists?: boolean;
  /** Of `user_info`. Undefined, as the others below: the protocol's own. */
  readonly mostMemberBytes?: number | undefined;
  readonly mostChannelNameLength?: number | undefined;
  readonly mostEventNameLength?: number | undefined;
}

/** A user as it signed in, in the words of its app server. */
interface SignedIn {
  readonly id: string;
  readonly userData: string;
}

type Subscribe = ActOf<'join'>;
type Unsubscribe = ActOf<'leave'>;
type ClientEvent = ActOf<'publish'>;
type SignIn = ActOf<'signIn'> & { readonly userData: string; readonly isWatchlistCut: boolean };

const ponged: Step = { kind: 'say', frames: frames.pong };

/**
 * The dialogue of Pusher clients. Whatever a client sends, its connection goes on: what can be understood is done, the
 * rest is answered with `pusher:error`. [PW §3.2–3.6, §7, row 43]
 */
export class PusherDialogue implements Dialogue {
  readonly #app: DialogueApp;
  readonly #socketId: string;
  #signedIn: SignedIn | undefined;
  /** Has the app server vouched for the client: by signing its user or one of its channels? */
  isAuthorized = false;

  constructor(app: DialogueApp, socketId: string) {
    this.#app = app;
    this.#socketId = socketId;
  }

  receive({ isBinary, bytes }: InboundFrame): Step | undefined {
    if (isBinary) return refused('Messages must be text; a binary one was ignored.');
    const message = ClientMessage.parse(bytes);
    if (typeof message === 'string') return refused(message);
    switch (message.event) {
      case 'pusher:ping':
        return ponged;
      case 'pusher:pong':
        return undefined;
      case 'pusher:subscribe':
        return this.#subscribe(message.fields);
      case 'pusher:unsubscribe':
        return this.#unsubscribe(message.fields);
      case 'pusher:signin':
        return this.#signIn(message.fields);
      default:
        return isClientEvent(message.event) ? this.#clientEvent(message) : refused(unknownEvent(message.event));
    }
  }

  repeated(): undefined {}

  answer(act: Act, result: ActResult): Frames | undefined {
    switch (act.kind) {
      case 'join':
        return this.#subscribed(act, result);
      case 'leave':
        return result instanceof PubSubError ? unsubscribeError(act.group, result) : undefined;
      case 'publish':
        return result instanceof PubSubError ? clientEventError(act, result) : undefined;
      case 'signIn':
        return this.#signedInAs(act as SignIn, result);
      default: // nothing that this dialogue gives
        return undefined;
    }
  }

  notice(): undefined {}

  record(): DialogueRecord | undefined {
    return this.#signedIn && { signedIn: this.#signedIn };
  }

  // ----------------------------------------------------------------------------------------------------- subscriptions

  #subscribe(fields: Fields): Step {
    const { channel } = fields;
    if (typeof channel !== 'string') return refused('pusher:subscribe needs a channel, which is a string.');
    const kind = channelKindOf(channel);
    const most = this.#app.mostChannelNameLength ?? limits.channelName;
    if (kind === undefined || (kind !== 'serverToUser' && channel.length > most)) {
      return notSubscribed(channel, 'InvalidChannel', invalidChannel(channel, most));
    }
    switch (kind) {
      case 'public':
        return this.#join(channel, kind);
      case 'private':
      case 'encrypted':
        return this.#isChannelSigned(channel, fields) ? this.#join(channel, kind) : notAuthorized(channel);
      case 'presence':
        return this.#subscribeToPresence(channel, fields);
      case 'serverToUser':
        return this.#signedIn !== undefined && userOfChannel(channel) === this.#signedIn.id
          ? this.#join(channel, kind)
          : notAuthorized(channel, 'Sign in as the user whose channel it is.');
    }
  }

  #join(channel: string, kind: ChannelKind, member?: GroupMember): Subscribe {
    const last = isCacheChannel(channel);
    const mostMembers = kind === 'presence' ? this.#app.mostMembers : undefined;
    const view = last || mostMembers !== undefined ? { last, mostMembers } : undefined;
    const mostGroups = this.#app.mostChannels;
    const room = mostGroups === undefined ? undefined : { mostGroups };
    const join = { kind: 'join', group: channel, isStrict: true, view, ...room } as const;
    if (member !== undefined) return { ...join, tag: { member } };
    return this.#app.countsSubscriptions && kind !== 'serverToUser' ? { ...join, isCounted: true } : join;
  }

  /**
   * With `channel_data` the signature covers it, on channels without members too: app servers that always make it are
   * among Pusher's own. An empty one counts; it may be left out of the text. [PW §3.4, §7, row 35, §7, row 36]
   */
  #isChannelSigned(channel: string, { auth, channel_data: channelData }: Fields): boolean {
    if (typeof auth !== 'string') return false;
    const text = `${this.#socketId}:${channel}`;
    if (channelData === undefined || channelData === null) return this.#app.isSigned(auth, text);
    if (typeof channelData !== 'string') return false;
    if (this.#app.isSigned(auth, `${text}:${channelData}`)) return true;
    return channelData === '' && this.#app.isSigned(auth, text);
  }

  #subscribeToPresence(channel: string, fields: Fields): Step {
    if (!this.#isChannelSigned(channel, fields)) return notAuthorized(channel);
    const { channel_data: channelData } = fields;
    const isGiven = typeof channelData === 'string' && channelData !== '';
    const member = isGiven ? this.#memberOf(channelData, 'user_id') : this.#signedInMember();
    if (typeof member === 'string') return notSubscribed(channel, 'AuthError', member, 401);
    return this.#join(channel, 'presence', member);
  }

  #signedInMember(): GroupMember | string {
    if (this.#signedIn === undefined) return 'A presence channel needs channel_data, or a user who has signed in.';
    return this.#memberOf(this.#signedIn.userData, 'id');
  }

  #memberOf(json: string, idName: string): GroupMember | string {
    return memberOf(json, idName, this.#app.mostMemberBytes ?? limits.userInfoBytes);
  }

  #subscribed({ group: channel }: Subscribe | Unsubscribe, result: ActResult): Frames {
    if (result instanceof PubSubError) return joinError(channel, result);
    const kind = channelKindOf(channel);
    if (kind !== 'public') this.isAuthorized = true;
    const view = result as GroupView | undefined;
    const succeeded = frames.subscriptionSucceeded(channel, view?.members);
    if (!isCacheChannel(channel)) return succeeded;
    const last = view?.last && frames.channelEvent(view.last);
    return new FrameList([succeeded, last ?? frames.cacheMiss(channel)]);
  }

  #unsubscribe({ channel }: Fields): Step {
    if (typeof channel !== 'string') return refused('pusher:unsubscribe needs a channel, which is a string.');
    return { kind: 'leave', group: channel, isStrict: true };
  }

  // ----------------------------------------------------------------------------------------------------- client events

  #clientEvent(message: ClientMessage): ClientEvent | Step {
    const { event, channel } = message;
    const app = this.#app;
    if (!app.takesClientEvents) return refused('To send client events, enable them for this app.');
    const kind = typeof channel === 'string' ? channelKindOf(channel) : undefined;
    if (typeof channel !== 'string' || !isForClientEvents(kind)) {
      return refused('Client events are for private and presence channels only.');
    }
    const most = app.mostEventNameLength ?? limits.eventName;
    if (!isEventName(event) || !hasAtMost(most, event)) {
      return refused(eventNameRule(most), errorCodes.clientEventRefused);
    }
    const text = message.text;
    if (text.length > app.mostEventBytes) {
      return refused(tooManyBytes(text.length, app.mostEventBytes), errorCodes.clientEventRefused);
    }
    return {
      kind: 'publish',
      group: channel,
      payload: { dataType: 'text', bytes: text, metadata: undefined },
      noEcho: true,
      ttlSeconds: 0,
      event,
      isForMembersOnly: true,
      mostPerSecond: app.clientEventsPerSecond,
    };
  }

  // ----------------------------------------------------------------------------------------------------------- sign-in

  /** The user is known from the next frame on, so that a client may go on without waiting. [PW §3.9] */
  #signIn({ auth, user_data: userData }: Fields): Step {
    if (typeof auth !== 'string' || typeof userData !== 'string')
      return notSignedIn('auth and user_data must be strings');
    if (!this.#app.isSigned(auth, `${this.#socketId}::user::${userData}`))
      return notSignedIn('the signature is not valid');
    const user = parseJson(userData);
    if (!isFields(user) || typeof user.id !== 'string' || !isSignedInUserId(user.id)) {
      return notSignedIn('user_data needs an id: a string of letters, digits and _-=@,.; that is neither . nor ..');
    }
    const { id } = user;
    if (this.#signedIn?.id === id) return { kind: 'say', frames: frames.signinSuccess(userData) };
    if (this.#signedIn !== undefined) return notSignedIn('the connection is signed in as another user');
    this.#signedIn = { id, userData };
    return signInAct(id, userData, this.#app.ignoresWatchlists === true ? [] : watchlistOf(user, userData));
  }

  #signedInAs({ userData, isWatchlistCut }: SignIn, result: ActResult): Frames {
    if (result instanceof PubSubError) {
      this.#signedIn = undefined;
      return frames.pusherError(errorCodes.unauthorized, `Sign-in failed: ${result.publicText}`);
    }
    this.isAuthorized = true;
    const success = frames.signinSuccess(userData);
    if (!isWatchlistCut) return success;
    const text = `The watchlist has more than ${limits.watchlist} users; the others are not watched.`;
    return new FrameList([success, frames.pusherError(errorCodes.watchlistTooLong, text)]);
  }
}

/** @param watchlist of which the first are kept */
function signInAct(userId: string, userData: string, watchlist: readonly string[]): SignIn {
  const watched = watchlist.slice(0, limits.watchlist);
  return { kind: 'signIn', userId, watched, userData, isWatchlistCut: watchlist.length > limits.watchlist };
}

/** A number stands for its text; what is no user id is left out. @param userData what `user` was read from */
function watchlistOf({ watchlist }: Fields, userData: string): readonly string[] {
  if (!Array.isArray(watchlist)) return [];
  const json = rawMember(userData, 'watchlist');
  const ids = scanItems(json).map(({ start, end }, index) =>
    typeof watchlist[index] === 'number' ? json.toString('utf8', start, end) : watchlist[index],
  );
  return ids.filter(id => typeof id === 'string' && id !== '');
}

function isForClientEvents(kind: ChannelKind | undefined): boolean {
  return kind === 'private' || kind === 'encrypted' || kind === 'presence';
}

/**
 * A safe integer as an id is its decimal text. Any other number keeps the digits that were signed, and clients are told what JavaScript
 * reads. [PW §7, row 23]
 */
function memberOf(json: string, idName: string, mostBytes: number): GroupMember | string {
  const value = parseJson(json);
  if (!isFields(value)) return 'channel_data must be a JSON object.';
  const { [idName]: given } = value;
  if ((typeof given !== 'string' && !Number.isFinite(given)) || given === '') {
    return 'channel_data must have a user_id, which is a string or a number.';
  }
  const raw = rawMember(json, idName).toString('utf8');
  const idJson = typeof given === 'string' ? raw : String(given);
  const id = typeof given === 'string' ? given : Number.isSafeInteger(given) ? idJson : raw; // with all its digits
  if (!hasAtMost(limits.userId, id)) return `user_id is longer than ${limits.userId} characters.`;
  if (isDotSegment(id)) return 'user_id must be neither . nor .., which URLs cannot have.';
  const info = rawMember(json, 'user_info');
  if (info.length > mostBytes) return `user_info has ${info.length} bytes; at most ${mostBytes} are allowed.`;
  if (depthOf(info) > limits.userInfoDepth) return `user_info is nested more than ${limits.userInfoDepth} times.`;
  const about: frames.MemberData = { idJson, infoJson: info.length === 0 ? '{}' : info.toString('utf8') };
  return { id, about: { ...about } };
}
