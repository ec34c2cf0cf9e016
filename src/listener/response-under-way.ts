import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The response that a server is writing to the socket; undefined when there is none. Node has no public name for it. */
export function responseUnderWay(socket: Duplex): ServerResponse | undefined {
  return (socket as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}
