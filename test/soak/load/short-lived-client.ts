import type { Dice } from '../dice.js';
import { JsonClient, type JsonMessage } from './json-client.js';
import { pace } from './pace.js';
import { makeRequest } from './requests.js';
import { type Actor, rooms, type Stage } from './stage.js';
import { type Ending, Wire } from './wire.js';

const json = 'json.webpubsub.azure.v1';
const reliableJson = 'json.reliable.webpubsub.azure.v1';
const protobuf = 'protobuf.webpubsub.azure.v1';

const hubShares = { steady: 40, edited: 35, quiet: 25 };
const kindShares = { json: 65, reliable: 12, protobuf: 8, simple: 15 };
const endingShares: Readonly<Record<Ending, number>> = { close: 35, end: 25, reset: 20, halfClose: 10, torn: 10 };

const rights = [
  'webpubsub.joinLeaveGroup',
  'webpubsub.sendToGroup',
  'webpubsub.setGroupState',
  'webpubsub.getGroupState',
];

/** Connects, stays for a moment or a while, asks for all sorts of things, and leaves one way or another. */
export class ShortLivedClient implements Actor {
  readonly name: string;
  readonly #stage: Stage;

  constructor(stage: Stage, index: number) {
    this.name = `short-lived client ${index}`;
    this.#stage = stage;
  }

  async act(dice: Dice): Promise<void> {
    const hub = dice.weighted(hubShares);
    switch (dice.weighted(kindShares)) {
      case 'json':
        return this.#visit(dice, hub, json, dice.weighted(endingShares));
      case 'reliable':
        return this.#visit(dice, hub, reliableJson, 'close'); // or its session would wait for it
      case 'protobuf':
        return this.#listen(dice, hub);
      case 'simple':
        return this.#talk(dice, hub);
    }
  }

  async #visit(dice: Dice, hub: string, protocol: string, ending: Ending): Promise<void> {
    const { knownClients, ending: loadEnding } = this.#stage;
    const userId = `user-${dice.between(1, 30)}`;
    const roles = dice.chance(90) ? rights : [];
    let client: JsonClient | undefined;
    const acknowledge = (message: JsonMessage) => client !== undefined && acknowledgeNowAndThen(client, message);
    client = await JsonClient.dial(
      this.#stage,
      { hub, protocol, claims: { userId, roles, groups: someRooms(dice) } },
      acknowledge,
    );
    if (client === undefined) return pace(dice.between(10, 100), loadEnding);
    const { connectionId } = client;
    knownClients.add({ hub, connectionId, userId });
    const answers = await this.#makeRequests(client, dice);
    knownClients.remove(connectionId);
    if (dice.chance(50)) await Promise.all(answers);
    await client.end(ending);
    await Promise.all(answers);
  }

  /** The answers, some of which are still to come: not every request waits for the one before. */
  async #makeRequests(client: JsonClient, dice: Dice): Promise<Promise<unknown>[]> {
    const { ledger, ending } = this.#stage;
    const answers: Promise<unknown>[] = [];
    const count = dice.chance(15) ? dice.between(50, 200) : dice.between(0, 30);
    for (let made = 0; made < count && client.isOpen && !ending.aborted; made += 1) {
      const answer = makeRequest(client, dice, this.#stage)?.catch(ledger.complain);
      if (answer !== undefined) answers.push(answer);
      if (dice.chance(60)) await answer;
      await pace(dice.between(10, 150), ending);
    }
    return answers;
  }

  /** A client of whose language this side knows nothing: it hears what its groups hear. */
  async #listen(dice: Dice, hub: string): Promise<void> {
    const claims = { userId: `user-${dice.between(1, 30)}`, groups: [...rooms] };
    const wire = await Wire.dial(this.#stage, { hub, protocol: protobuf, claims }, () => {});
    if (wire === undefined) return;
    await pace(dice.between(100, 3_000), this.#stage.ending);
    await wire.end(dice.weighted(endingShares));
  }

  /** Whatever it says is an event named `message`, or goes to a group. */
  async #talk(dice: Dice, hub: string): Promise<void> {
    const { ledger, ending } = this.#stage;
    const isForGroup = dice.chance(30);
    const mode = isForGroup ? `webpubsub_mode=sendToGroup&group=${dice.pick(rooms)}` : '';
    const wire = await Wire.dial(
      this.#stage,
      { hub, claims: { roles: rights, groups: someRooms(dice) }, mode },
      () => {},
    );
    if (wire === undefined) return;
    for (let left = dice.between(0, 10); left > 0 && wire.isOpen && !ending.aborted; left -= 1) {
      if (wire.send(ledger.newMark()) && !isForGroup) ledger.eventsSent += 1;
      await pace(dice.between(20, 300), ending);
    }
    await wire.end(dice.weighted(endingShares));
  }
}

function someRooms(dice: Dice): string[] {
  return rooms.filter(() => dice.chance(25));
}

/** Far less often than the service needs it, far more than it allows. */
function acknowledgeNowAndThen(client: JsonClient, { sequenceId }: JsonMessage): void {
  if (sequenceId !== undefined && sequenceId % 50 === 0) client.tell({ type: 'sequenceAck', sequenceId });
}
