import { expect, test } from 'vitest';
import type { Protocol } from '../../../src/protocols/protocol.js';
import { json } from '../../../src/protocols/webpubsub/json/index.js';
import { ClientSocket, type ClientSocketNeeds } from '../../../src/sockets/client-socket.js';
import type { ClientWebSocket } from '../../../src/sockets/client-web-socket.js';
import { KeepAlive } from '../../../src/sockets/keep-alive.js';
import { EventLoopTurn } from '../../../src/sockets/turn.js';
import { TestNode } from '../../support/fake-ports.js';
import { FakeSocket, FakeWebSocket } from '../../support/fake-socket.js';

/** Whether a silent client of the protocol is given up after three intervals of a second. */
function isGivenUp(protocol: Protocol): boolean {
  const node = new TestNode();
  const { connection, outlet } = node.open({ protocol });
  const needs: ClientSocketNeeds = {
    settings: { keepAliveIntervalMs: () => 1_000, isFinalClose: () => false },
    keepAlive: new KeepAlive(node.clock, new EventLoopTurn(node.clock)),
  };
  const ws = Object.assign(new FakeWebSocket(), { socket: new FakeSocket().asSocket });
  const silent = Object.assign(outlet, { abandon: () => {}, watch: () => {} });
  new ClientSocket({ ws: ws.asWebSocket as ClientWebSocket, outlet: silent, hub: node.chat, connection }, needs);
  for (let seconds = 0; seconds < 4; seconds += 1) node.clock.advance(1_000);
  return !connection.isOpen;
}

test('[client-protocols 8.2] only protocols that rely on WebSocket pings are watched for them', () => {
  expect(isGivenUp(json)).toBe(true);
  expect(isGivenUp({ ...json, silence: 'protocolPing' })).toBe(false);
});
