import { setTimeout } from 'node:timers/promises';
import { clientUrl } from '../../src/auth/client-url.js';
import { KeyTokens } from '../../src/auth/key-tokens.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import type { Dice } from '../soak/dice.js';
import { ReturningClient } from '../support/returning-client.js';
import type { Node } from './node.js';
import { Order } from './order.js';

const lifetimeMinutes = 48 * 60;
const answersWithinMs = 5_000;

/** Tokens for any node. */
const tokens = new KeyTokens({ primary: developmentKey, secondary: undefined }, Date.now);

/** How often one of the clients leaves by itself: so nodes that were started again get clients. */
const leavesEveryMs = 300;

/** Clients that are in all of it, and publishers that send to them through all nodes. */
export class Load {
  readonly clients: readonly ReturningClient[];
  readonly order = new Order();
  accepted = 0;
  refused = 0;
  readonly #nodes: readonly Node[];
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(nodes: readonly Node[], count: number) {
    this.#nodes = nodes;
    const urls = nodes.map(({ url }) =>
      clientUrl(tokens, url, 'chat', { userId: 'ann', groups: ['g'] }, lifetimeMinutes),
    );
    this.clients = Array.from(
      { length: count },
      (_, index) => new ReturningClient(urls, index, (text, connectionId) => this.order.received(connectionId, text)),
    );
  }

  /** @param dice by publisher @param ofLeaving who leaves */
  start(dice: readonly Dice[], ofLeaving: Dice): void {
    this.#running = Promise.all([...dice.map((own, index) => this.#publisher(index, own)), this.#leave(ofLeaving)]);
  }

  /** Nothing is sent any more, and nobody leaves. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  stop(): void {
    for (const client of this.clients) client.stop();
  }

  async #leave(dice: Dice): Promise<void> {
    while (!this.#isOver) {
      dice.pick(this.clients).leave();
      await setTimeout(leavesEveryMs);
    }
  }

  /** Through one node as long as that takes what is sent: order holds for each node and target. */
  async #publisher(index: number, dice: Dice): Promise<void> {
    let [turn, node] = [0, dice.pick(this.#nodes)];
    for (let number = 0; !this.#isOver; number += 1) {
      const isTaken = await send(node, `${index}/${node.name}/${turn} ${number}`);
      if (isTaken) this.accepted += 1;
      else this.refused += 1;
      if (!isTaken || dice.chance(1)) [turn, node] = [turn + 1, dice.pick(this.#nodes)];
      await setTimeout(dice.between(5, 50));
    }
  }
}

/** To the group of all clients. Was it answered 202? */
export async function send({ url }: Node, text: string): Promise<boolean> {
  const path = '/api/hubs/chat/groups/g/:send';
  const headers = { authorization: bearer(url + path), 'content-type': 'text/plain' };
  return (await statusOf(`${url}${path}`, { method: 'POST', headers, body: text })) === 202;
}

/** Has any node this connection? 200 or 404; 0 without an answer. */
export function existence({ url }: Node, connectionId: string): Promise<number> {
  const path = `/api/hubs/chat/connections/${connectionId}`;
  return statusOf(url + path, { method: 'HEAD', headers: { authorization: bearer(url + path) } });
}

function bearer(audience: string): string {
  return `Bearer ${tokens.sign({}, audience, lifetimeMinutes)}`;
}

async function statusOf(url: string, init: RequestInit): Promise<number> {
  try {
    const response = await fetch(`${url}?api-version=2024-12-01`, {
      ...init,
      signal: AbortSignal.timeout(answersWithinMs),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
