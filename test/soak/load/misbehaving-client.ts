import { connect } from 'node:net';
import { opcodes, RawClient, rawFrame } from '../../support/raw-client.js';
import type { Dice } from '../dice.js';
import { within } from '../patience.js';
import { pace } from './pace.js';
import { type Actor, rooms, type Stage } from './stage.js';

const handshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: aHVid2lyZS1zb2FrLWtleQ==',
  'Sec-WebSocket-Protocol: json.webpubsub.azure.v1',
];

const shares = {
  closeBeforeRequest: 10,
  closeMidRequest: 15,
  closeBeforeAnswer: 25,
  closeAfterUpgrade: 10,
  sendNoToken: 12,
  sendBadToken: 8,
  sendRandomBytes: 8,
  sendBadFrame: 8,
  answerNoPings: 4,
} as const;

type Fault = keyof typeof shares;

/** Closes before the upgrade is complete, sends no valid token, breaks the protocol, or does not answer pings. */
export class MisbehavingClient implements Actor {
  readonly name: string;
  readonly #stage: Stage;

  constructor(stage: Stage, index: number) {
    this.name = `misbehaving client ${index}`;
    this.#stage = stage;
  }

  async act(dice: Dice): Promise<void> {
    await this.#misbehave(dice.weighted(shares), dice);
    await pace(dice.between(10, 200), this.#stage.ending);
  }

  async #misbehave(fault: Fault, dice: Dice): Promise<void> {
    const { hubwire } = this.#stage;
    const socket = connect({ port: Number(new URL(hubwire.publicUrl).port), host: '127.0.0.1', noDelay: true });
    const client = new RawClient(socket);
    socket.setTimeout(60_000, () => socket.destroy()); // the wait below would fail first
    await this.#faults[fault](client, dice);
    await within(
      new Promise<void>(resolve => (socket.closed ? resolve() : socket.once('close', () => resolve()))),
      `the end of a socket: ${fault}`,
    );
  }

  readonly #faults: Readonly<Record<Fault, (client: RawClient, dice: Dice) => Promise<void>>> = {
    closeBeforeRequest: async (client, dice) => abort(client, dice),
    closeMidRequest: async (client, dice) => {
      const head = this.#head(dice);
      client.socket.write(head.subarray(0, dice.between(1, head.length - 1)));
      await pace(dice.between(0, 50), this.#stage.ending);
      abort(client, dice);
    },
    /** The app server may still be asked whether it may come in. */
    closeBeforeAnswer: async (client, dice) => {
      this.#requestUpgrade(client, dice);
      await pace(dice.between(0, 20), this.#stage.ending);
      abort(client, dice);
    },
    closeAfterUpgrade: async (client, dice) => {
      this.#requestUpgrade(client, dice);
      await this.#answer(client);
      abort(client, dice);
    },
    sendNoToken: async (client, dice) => this.#expectRefusal(client, `/client/hubs/${someHub(dice)}`),
    sendBadToken: async (client, dice) =>
      this.#expectRefusal(client, `/client/hubs/${someHub(dice)}?access_token=a.b.c`),
    sendRandomBytes: async (client, dice) => {
      client.socket.write(Buffer.from(Array.from({ length: dice.between(1, 500) }, () => dice.between(0, 255))));
      client.socket.end();
    },
    sendBadFrame: async (client, dice) => {
      this.#requestUpgrade(client, dice);
      if ((await this.#answer(client)) !== 101) return void client.socket.destroy();
      client.send(rawFrame(opcodes.text, 'no mask', { isMasked: false }));
      await within(client.ended, 'the end of a connection after a bad frame');
      client.socket.destroy();
    },
    /** Answers no ping, in a hub whose connections are given up soon. */
    answerNoPings: async (client, dice) => {
      this.#requestUpgrade(client, dice, 'quiet');
      if ((await this.#answer(client)) === 101) this.#stage.ledger.unresponsive += 1;
      await within(client.ended, 'the end of a connection that answers no pings');
      client.socket.destroy();
    },
  };

  async #expectRefusal(client: RawClient, path: string): Promise<void> {
    this.#send(client, requestHead(path, this.#host));
    const status = await this.#answer(client);
    if (status !== 401) this.#stage.ledger.complain(`an upgrade without a good token was answered ${status}`);
    client.socket.destroy();
  }

  #requestUpgrade(client: RawClient, dice: Dice, hub = dice.pick(['steady', 'edited', 'quiet'])): void {
    this.#send(client, this.#head(dice, hub));
  }

  #send(client: RawClient, head: Buffer): void {
    this.#stage.ledger.dials += 1;
    client.socket.write(head);
  }

  /** Undefined when the connection ends without one. */
  async #answer(client: RawClient): Promise<number | undefined> {
    const { ledger } = this.#stage;
    const status = await within(
      Promise.race([client.status, client.ended.then(() => undefined)]),
      'the answer to an upgrade',
    );
    if (status === 101) ledger.upgrades += 1;
    else if (status !== undefined) ledger.refused(status);
    return status;
  }

  #head(dice: Dice, hub = 'steady'): Buffer {
    const { pathname, search } = this.#stage.tokens.clientUrl(hub, { groups: [dice.pick(rooms)] });
    return requestHead(pathname + search, this.#host);
  }

  get #host(): string {
    return new URL(this.#stage.hubwire.publicUrl).host;
  }
}

function requestHead(path: string, host: string): Buffer {
  return Buffer.from([`GET ${path} HTTP/1.1`, `Host: ${host}`, ...handshake, '', ''].join('\r\n'));
}

/** A hub needs no configuration to be named. */
function someHub(dice: Dice): string {
  return dice.chance(50) ? 'steady' : `hub${dice.between(0, 1_000_000)}`;
}

function abort({ socket }: RawClient, dice: Dice): void {
  if (dice.chance(50)) socket.resetAndDestroy();
  else socket.destroy();
}
