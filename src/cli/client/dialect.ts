/** What is written to a socket: text, or bytes. */
export type Outgoing = string | Uint8Array;

/** What a frame of the service is for the terminal. */
export interface Received {
  /** One line. */
  readonly line: string;
  /** It says that the connection is ready for commands. */
  readonly isReady?: boolean;
  /** What it answers: the id that the command was sent with. */
  readonly answered?: string;
  /** What is sent back at once. */
  readonly reply?: Outgoing;
  /** How the connection is taken up again after it broke. */
  readonly recovery?: Recovery;
}

export interface Recovery {
  readonly connectionId: string;
  readonly token: string;
}

/** A frame to send, and the id of the answer that it will have. */
export interface Sending {
  readonly frame: Outgoing;
  readonly awaits?: string;
}

/** A command that was typed. */
export type Command =
  | { readonly verb: 'joingroup' | 'leavegroup'; readonly group: string }
  | { readonly verb: 'sendtogroup'; readonly group: string; readonly text: string }
  | { readonly verb: 'event'; readonly event: string; readonly text: string };

/** What a client of one protocol sends and receives. */
export interface Dialect {
  /** Undefined: none. */
  readonly subprotocol: string | undefined;
  /** Ready as soon as the socket is open. */
  readonly isReadyAtOnce: boolean;
  /** Every line that is typed is sent as it is, and there are no commands. */
  readonly isPlain: boolean;
  /** The text where it is plain. @throws UsageError for what the protocol does not have */
  encode(command: Command, id: number): Sending;
  decode(data: Buffer, isBinary: boolean): Received;
}
