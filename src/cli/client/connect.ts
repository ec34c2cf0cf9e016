import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { PubSubError } from '../../errors.js';
import { adviceOn } from '../data-plane.js';
import { reasonLine } from '../printable.js';
import { reasonOf, unreachableText } from '../requests.js';

const handshakeWithinMs = 30_000;
const hint = 'is the service running there? Set its URL and key with --connection-string or WebPubSubConnectionString';

/** A WebSocket that is being opened. Its frames may come before `opened` has resolved. */
export function makeSocket(url: string, subprotocol: string | undefined): WebSocket {
  return new WebSocket(url, subprotocol === undefined ? [] : [subprotocol], {
    perMessageDeflate: false,
    handshakeTimeout: handshakeWithinMs,
  });
}

/** @throws PubSubError `invalid` when the service is not reached, or refuses the client: with its answer */
export async function opened(socket: WebSocket): Promise<void> {
  const refused = once(socket, 'unexpected-response').then(([, response]) => refusalOf(response as IncomingMessage));
  try {
    await Promise.race([once(socket, 'open'), refused]);
  } catch (cause) {
    if (cause instanceof PubSubError) throw cause;
    const url = socket.url.replace(/^ws/, 'http');
    throw new PubSubError('invalid', unreachableText(url, reasonOf(cause), hint), { cause });
  }
  refused.catch(ignore);
  socket.on('error', ignore);
}

/** A `close` event follows, which is what ends the session. */
function ignore(): void {}

async function refusalOf(response: IncomingMessage): Promise<never> {
  const reason = reasonLine(await text(response));
  const said = `${response.statusCode}${reason === '' ? '' : ` ${reason}`}`;
  const advice = adviceOn(response.statusCode, reason);
  throw new PubSubError('invalid', `the service refused the client: ${said}${advice}`);
}
