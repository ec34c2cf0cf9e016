import type { Command, Dialect, Received, Sending } from './dialect.js';

interface Frame {
  readonly type?: string;
  readonly event?: string;
  readonly ackId?: number;
  readonly sequenceId?: number;
  readonly connectionId?: string;
  readonly reconnectionToken?: string;
}

/** The JSON subprotocol, and the reliable one. [client-protocols 4, 5] */
export class JsonDialect implements Dialect {
  readonly isReadyAtOnce = false;
  readonly isPlain = false;
  readonly subprotocol: string;

  constructor(isReliable: boolean) {
    this.subprotocol = isReliable ? 'json.reliable.webpubsub.azure.v1' : 'json.webpubsub.azure.v1';
  }

  encode(command: Command, ackId: number): Sending {
    return { frame: JSON.stringify({ ...requestOf(command), ackId }), awaits: String(ackId) };
  }

  decode(data: Buffer): Received {
    const line = data.toString('utf8');
    return { line, ...factsOf(JSON.parse(line) as Frame) };
  }
}

/** What a client does about a frame, whatever it was encoded in. */
function factsOf({
  type,
  event,
  ackId,
  sequenceId,
  connectionId,
  reconnectionToken: token,
}: Frame): Omit<Received, 'line'> {
  return {
    isReady: type === 'system' && event === 'connected',
    ...(type === 'ack' && { answered: String(ackId) }),
    ...(sequenceId !== undefined && { reply: JSON.stringify({ type: 'sequenceAck', sequenceId }) }),
    ...(connectionId !== undefined && token !== undefined && { recovery: { connectionId, token } }),
  };
}

function requestOf(command: Command): object {
  switch (command.verb) {
    case 'joingroup':
      return { type: 'joinGroup', group: command.group };
    case 'leavegroup':
      return { type: 'leaveGroup', group: command.group };
    case 'sendtogroup':
      return { type: 'sendToGroup', group: command.group, dataType: 'text', data: command.text };
    case 'event':
      return { type: 'event', event: command.event, dataType: 'text', data: command.text };
  }
}
