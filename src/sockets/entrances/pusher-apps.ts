import { type AppKey, isSigned } from '../../auth/pusher-signatures.js';
import type { DialogueApp } from '../../protocols/pusher/index.js';
import { limits, messageBytesFor } from '../../protocols/pusher/names.js';

/** A Pusher app, as it is configured. */
export interface PusherApp {
  readonly id: string;
  readonly keys: readonly AppKey[];
  /** Clients of one that is not are refused. */
  readonly enabled: boolean;
  readonly enableClientMessages: boolean;
  /** Are subscribers told how many subscribers their channel has? Left out: no. */
  readonly enableSubscriptionCount?: boolean | undefined;
  /** Within which a client must sign in or subscribe to a private or presence channel. Left out: it need not. */
  readonly authorizationTimeoutMs?: number | undefined;
  /** Are users told who of their watchlist is online? Left out: yes. */
  readonly enableWatchlistEvents?: boolean | undefined;
  /** Origins of the pages that may connect, as `isOriginAllowed` takes them. Left out: all. */
  readonly allowedOrigins?: readonly string[] | undefined;
  readonly limits?: PusherAppLimits | undefined;
}

/** Each left out: the protocol's own, or none where it has none. */
export interface PusherAppLimits {
  /** Of this node. */
  readonly maxConnections?: number | undefined;
  readonly maxPresenceMembers?: number | undefined;
  /** Of one connection. */
  readonly maxChannelsPerConnection?: number | undefined;
  /** Of one connection. */
  readonly maxClientEventsPerSecond?: number | undefined;
  readonly maxEventBytes?: number | undefined;
  readonly maxPresenceMemberBytes?: number | undefined;
  readonly maxChannelNameLength?: number | undefined;
  readonly maxEventNameLength?: number | undefined;
}

/** The apps that there are, which may change while the service runs. */
export interface Apps {
  /** Also one of whose keys this is an inactive one. */
  findByKey(key: string): PusherApp | undefined;
}

/** Of a client's message, whatever it is. Also a client that the app server has not vouched for may begin one. */
export function maxMessageBytesOf({ limits: own }: PusherApp): number {
  const { maxEventBytes = limits.eventBytes, maxPresenceMemberBytes = limits.userInfoBytes } = own ?? {};
  return messageBytesFor(Math.max(maxEventBytes, maxPresenceMemberBytes));
}

/** An app as the dialogues of its clients see it: keys and settings are read at each use. Without the app nothing is signed, and nothing is taken. */
export class AppView implements DialogueApp {
  readonly #apps: Apps;
  readonly #key: string;

  /** @param key with which the client came */
  constructor(apps: Apps, key: string) {
    this.#apps = apps;
    this.#key = key;
  }

  isSigned(auth: string, text: string): boolean {
    return isSigned(this.#app?.keys ?? [], auth, text);
  }

  get takesClientEvents(): boolean {
    return this.#app?.enableClientMessages ?? false;
  }

  get countsSubscriptions(): boolean {
    return this.#app?.enableSubscriptionCount ?? false;
  }

  get ignoresWatchlists(): boolean {
    return this.#app?.enableWatchlistEvents === false;
  }

  get mostMembers(): number {
    return this.#app?.limits?.maxPresenceMembers ?? limits.members;
  }

  get mostChannels(): number | undefined {
    return this.#app?.limits?.maxChannelsPerConnection;
  }

  get mostMemberBytes(): number | undefined {
    return this.#app?.limits?.maxPresenceMemberBytes;
  }

  get mostChannelNameLength(): number | undefined {
    return this.#app?.limits?.maxChannelNameLength;
  }

  get mostEventNameLength(): number | undefined {
    return this.#app?.limits?.maxEventNameLength;
  }

  get clientEventsPerSecond(): number {
    return this.#app?.limits?.maxClientEventsPerSecond ?? limits.clientEventsPerSecond;
  }

  get mostEventBytes(): number {
    return this.#app?.limits?.maxEventBytes ?? limits.eventBytes;
  }

  get #app(): PusherApp | undefined {
    return this.#apps.findByKey(this.#key);
  }
}
