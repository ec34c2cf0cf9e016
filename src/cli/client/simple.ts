import { UsageError } from '../usage-error.js';
import type { Command, Dialect, Received, Sending } from './dialect.js';

/** A client without a subprotocol: frames are what they are, and each that is sent is a `message` event. [client-protocols 3] */
export class SimpleDialect implements Dialect {
  readonly subprotocol = undefined;
  readonly isReadyAtOnce = true;
  readonly isPlain = true;

  encode(command: Command): Sending {
    throw new UsageError(`${command.verb} is not in the simple protocol; use --protocol json`);
  }

  decode(data: Buffer, isBinary: boolean): Received {
    return { line: isBinary ? data.toString('base64') : data.toString('utf8') };
  }
}
