import { signatureOf } from '../../auth/pusher-signatures.js';
import { PubSubError } from '../../errors.js';
import { UsageError } from '../usage-error.js';
import type { Command, Dialect, Received, Sending } from './dialect.js';

interface Frame {
  readonly event?: string;
  readonly channel?: string;
  readonly data?: unknown;
}

export interface PusherIdentity {
  readonly key: string;
  readonly secret: string;
  /** In presence channels. */
  readonly userId: string | undefined;
}

const answers = ['pusher_internal:subscription_succeeded', 'pusher:subscription_error'];

/**
 * A client of an app with the Pusher protocol. Groups are channels, and it signs its own subscriptions, which an app server
 * does in production. What it sends are client events. [PW §3]
 */
export class PusherDialect implements Dialect {
  readonly subprotocol = undefined;
  readonly isReadyAtOnce = false;
  readonly isPlain = false;
  readonly #identity: PusherIdentity;
  #socketId = '';
  #channel: string | undefined;

  constructor(identity: PusherIdentity) {
    this.#identity = identity;
  }

  encode(command: Command): Sending {
    switch (command.verb) {
      case 'joingroup':
        this.#channel = command.group;
        return { frame: frameOf('pusher:subscribe', this.#subscription(command.group)), awaits: command.group };
      case 'leavegroup':
        return { frame: frameOf('pusher:unsubscribe', { channel: command.group }) };
      case 'sendtogroup':
        return { frame: clientEvent('message', command.group, command.text) };
      case 'event':
        if (this.#channel === undefined)
          throw new UsageError('an event goes to the channel that was joined last: joingroup first');
        return { frame: clientEvent(command.event, this.#channel, command.text) };
    }
  }

  decode(bytes: Buffer): Received {
    const line = bytes.toString('utf8');
    const { event = '', channel, data } = JSON.parse(line) as Frame;
    if (event === 'pusher:connection_established') this.#socketId = socketIdOf(data);
    return {
      line,
      isReady: event === 'pusher:connection_established',
      ...(event === 'pusher:ping' && { reply: frameOf('pusher:pong', {}) }),
      ...(answers.includes(event) && channel !== undefined && { answered: channel }),
    };
  }

  /** Private and presence channels need a signature of the app's secret. */
  #subscription(channel: string): object {
    if (!/^(?:private|presence)-/.test(channel)) return { channel };
    const { key, secret, userId = this.#socketId } = this.#identity;
    const member = channel.startsWith('presence-') ? JSON.stringify({ user_id: userId }) : undefined;
    const text = [this.#socketId, channel, ...(member === undefined ? [] : [member])].join(':');
    const auth = `${key}:${signatureOf(secret, text)}`;
    return { channel, auth, ...(member !== undefined && { channel_data: member }) };
  }
}

function clientEvent(name: string, channel: string, data: string): string {
  return JSON.stringify({ event: name.startsWith('client-') ? name : `client-${name}`, channel, data });
}

function frameOf(event: string, data: object): string {
  return JSON.stringify({ event, data });
}

/** Data is JSON within JSON. */
function socketIdOf(data: unknown): string {
  try {
    return String((JSON.parse(String(data)) as { socket_id?: unknown }).socket_id);
  } catch (cause) {
    throw new PubSubError('malformed', 'the greeting of the service has no socket_id', { cause });
  }
}
