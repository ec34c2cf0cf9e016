/** What goes with one message besides its target. */
export interface SendOptions {
  /** Connection ids that do not get the message. */
  readonly excluded?: readonly string[];
  /** Only connections that it accepts get the message. [rest-api 4] */
  readonly filter?: string | undefined;
  /** Seconds for which the message may wait for a client that is away; 0, the default: for ever. */
  readonly ttlSeconds?: number;
  /** Of a message to a group: for so long it is the group's last one, which later members are told. */
  readonly keptMs?: number | undefined;
  /** Called with the number of connections of this node that the message was written to: by the end of the turn. */
  readonly onDelivered?: ((receivers: number) => void) | undefined;
  /** It comes from a group of another hub: no bridge passes it on again. */
  readonly isPassedOn?: boolean;
}

/**
 * Called with the names of nodes that did not answer, if there are any: the call goes on without them. Left out: it fails.
 * [cluster 5]
 */
export type OnPartial = (nodes: readonly string[]) => void;

/** Of a call that closes connections. */
export interface CloseOptions {
  readonly onPartial?: OnPartial | undefined;
  /** Connection ids that stay. */
  readonly excluded?: readonly string[];
  /** For the clients and the `disconnected` event. */
  readonly reason?: string | undefined;
}

/** Which part of a list. */
export interface ListOptions {
  readonly onPartial?: OnPartial | undefined;
  /** Only connections whose ids come after this one. */
  readonly after?: string | undefined;
  /** Default: all. */
  readonly limit?: number;
}
