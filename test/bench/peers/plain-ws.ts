import { json } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import type { Peer } from './peer.js';

/** What one writes with ws in an afternoon: a `send` to each member. */
export const plainWs: Peer = {
  name: 'ws send',
  isPresent: () => true,
  start: stage => stage.script('ws send', new URL('plain-ws-server.ts', import.meta.url)),
  dial(server, group, part, guard) {
    const path = part === 'subscriber' ? encodeURIComponent(group) : '';
    return RawClient.dial(`${server.listening.public}/${path}`, json.subprotocol, guard);
  },
  publish: json.publish,
  textOf: json.textOf,
  lengthsOf: json.lengthsOf,
};
