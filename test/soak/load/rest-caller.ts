import type { Dice } from '../dice.js';
import type { KnownClient } from './known-clients.js';
import { pace } from './pace.js';
import type { RestCall } from './rest-client.js';
import { type Actor, rooms, type Stage } from './stage.js';

/** How often each operation is called. */
const shares = {
  sendToAll: 4,
  sendToGroup: 30,
  sendToUser: 12,
  sendToConnection: 12,
  join: 8,
  leave: 6,
  leaveAll: 2,
  grant: 6,
  revoke: 4,
  check: 4,
  exists: 6,
  list: 4,
  close: 5,
  closeRoom: 1,
  makeToken: 2,
  bringBadToken: 2,
  nameNoHub: 2,
} as const;

type Name = keyof typeof shares;

/** An app server's calls about clients that come and go: the connection may be closed by then. */
export class RestCaller implements Actor {
  readonly name: string;
  readonly #stage: Stage;

  constructor(stage: Stage, index: number) {
    this.name = `REST caller ${index}`;
    this.#stage = stage;
  }

  async act(dice: Dice): Promise<void> {
    const { knownClients, rest, ending } = this.#stage;
    const client = knownClients.pick(dice);
    if (client !== undefined) {
      const name = dice.weighted(shares);
      await rest.call({ operation: name, ...callOf(name, client, dice) });
    }
    await pace(dice.between(20, 120), ending);
  }
}

function callOf(name: Name, { hub, connectionId, userId }: KnownClient, dice: Dice): Omit<RestCall, 'operation'> {
  const room = dice.pick(rooms);
  const group = `/${hub}/groups/${room}`;
  const connection = `/${hub}/connections/${connectionId}`;
  const permission = `/${hub}/permissions/${dice.pick(['sendToGroup', 'joinLeaveGroup'])}/connections/${connectionId}`;
  const send = {
    method: 'POST',
    text: 'y'.repeat(dice.between(1, 300)),
    query: sendQuery(dice),
    expected: [202],
  } as const;
  switch (name) {
    case 'sendToAll':
      return { ...send, path: `/${hub}/:send` };
    case 'sendToGroup':
      return { ...send, path: `${group}/:send` };
    case 'sendToUser':
      return { ...send, path: `/${hub}/users/${userId}/:send` };
    case 'sendToConnection':
      return { ...send, path: `${connection}/:send` };
    case 'join':
      return { method: 'PUT', path: `${group}/connections/${connectionId}`, expected: [200, 404] };
    case 'leave':
      return { method: 'DELETE', path: `${group}/connections/${connectionId}`, expected: [204] };
    case 'leaveAll':
      return { method: 'DELETE', path: `${connection}/groups`, expected: [204] };
    case 'grant':
      return { method: 'PUT', path: permission, query: { targetName: room }, expected: [200, 404] };
    case 'revoke':
      return { method: 'DELETE', path: permission, query: { targetName: room }, expected: [204] };
    case 'check':
      return { method: 'HEAD', path: permission, query: { targetName: room }, expected: [200, 404] };
    case 'exists':
      return { method: 'HEAD', path: dice.pick([connection, group, `/${hub}/users/${userId}`]), expected: [200, 404] };
    case 'list':
      return { method: 'GET', path: `${group}/connections`, expected: [200] };
    case 'close':
      return { method: 'DELETE', path: connection, query: { reason: 'enough' }, expected: [204] };
    case 'closeRoom':
      return { method: 'POST', path: `${group}/:closeConnections`, expected: [204] };
    case 'makeToken':
      return { method: 'POST', path: `/${hub}/:generateToken`, query: { userId }, expected: [200] };
    case 'bringBadToken':
      return { method: 'POST', path: `/${hub}/:send`, text: 'z', token: 'a.b.c', expected: [401] };
    case 'nameNoHub':
      return { ...send, path: '/9/:send', expected: [400, 404] };
  }
}

function sendQuery(dice: Dice): Record<string, string> {
  return dice.chance(15) ? { filter: `startswith(userId, 'user-${dice.between(1, 3)}')` } : {};
}
