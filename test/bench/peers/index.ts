import type { Peer } from './peer.js';
import { plainWs } from './plain-ws.js';
import { socketIo } from './socket-io.js';

const all: readonly Peer[] = [plainWs, socketIo];

/** Those that can be started on this machine. */
export const peers: readonly Peer[] = all.filter(peer => peer.isPresent());
