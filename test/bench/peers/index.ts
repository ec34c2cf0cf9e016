import { centrifugo } from './centrifugo.js';
import type { Peer } from './peer.js';
import { plainWs } from './plain-ws.js';
import { sockudo, soketi } from './pusher.js';
import { socketIo } from './socket-io.js';

const all: readonly Peer[] = [plainWs, socketIo, centrifugo, sockudo, soketi];

/** Those that can be started on this machine. */
export const peers: readonly Peer[] = all.filter(peer => peer.isPresent());

/** Those whose subscribers may publish too, and get no answer to it that would be taken for a message. */
export const talkingPeers: readonly Peer[] = [plainWs, socketIo];

/** Those that speak Pusher's protocol. */
export const pusherPeers: readonly Peer[] = peers.filter(peer => peer === sockudo || peer === soketi);

/** One that has this optional part. */
export type PeerWith<Part extends keyof Peer> = Peer & Required<Pick<Peer, Part>>;

/** Those of `peers` that have it. */
export function peersWith<Part extends keyof Peer>(part: Part): readonly PeerWith<Part>[] {
  return peers.filter((peer): peer is PeerWith<Part> => peer[part] !== undefined);
}
