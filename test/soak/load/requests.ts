import type { UserEvent } from '../app/answers.js';
import type { Dice } from '../dice.js';
import type { JsonClient } from './json-client.js';
import { rooms, type Stage } from './stage.js';

/** How often each user event is raised: those that hold a connection up for long are rare. */
const eventShares: Readonly<Record<UserEvent, number>> = {
  good: 30,
  echo: 25,
  slow: 12,
  flaky: 12,
  broken: 6,
  refused: 6,
  reset: 4,
  torn: 4,
  silence: 1,
};

/** How often each request is made. */
const requestShares = {
  join: 16,
  leave: 10,
  send: 26,
  event: 24,
  invoke: 5,
  invokeInVain: 2,
  twice: 3,
  stream: 3,
  setState: 4,
  watchStates: 3,
  ping: 4,
} as const;

type RequestName = keyof typeof requestShares;

/** Settles once it is answered; undefined where nothing is. */
type Make = (client: JsonClient, dice: Dice, stage: Stage) => Promise<unknown> | undefined;

const make: Readonly<Record<RequestName, Make>> = {
  join: (client, dice) => client.ask({ type: 'joinGroup', group: dice.pick(rooms) }),
  leave: (client, dice) => client.ask({ type: 'leaveGroup', group: dice.pick(rooms) }),
  send: (client, dice) => client.ask(message(dice)),
  event: (client, dice, { ledger }) => client.raise(dice.weighted(eventShares), ledger.newMark()),
  invoke: (client, dice, { ledger }) => client.invoke(dice.weighted(eventShares), ledger.newMark()),
  invokeInVain(client, dice, { ledger }) {
    client.invokeInVain(dice.weighted(eventShares), ledger.newMark());
    return undefined;
  },
  /** The same ackId again: a duplicate, unless the first one failed. */
  async twice(client, dice) {
    const ackId = client.newAckId();
    const first = await client.ask(message(dice), ackId);
    const second = await client.ask(message(dice), ackId);
    if (first === 'success' && second !== 'duplicate' && second !== 'lost')
      throw new Error(`${second} in place of a duplicate`);
  },
  stream(client, dice, { ledger }) {
    publishStream(client, dice, ledger.newMark());
    return undefined;
  },
  setState: (client, dice) =>
    client.ask({ type: 'setGroupState', group: dice.pick(rooms), state: { mood: `${dice.between(1, 9)}` } }),
  watchStates: (client, dice) => client.ask({ type: 'subscribeGroupState', group: dice.pick(rooms) }),
  ping(client) {
    client.tell({ type: 'ping' });
    return undefined;
  },
};

export function makeRequest(client: JsonClient, dice: Dice, stage: Stage): Promise<unknown> | undefined {
  return make[dice.weighted(requestShares)](client, dice, stage);
}

function message(dice: Dice) {
  const data = 'x'.repeat(dice.chance(3) ? dice.between(1_000, 50_000) : dice.between(1, 200));
  const noEcho = dice.chance(30);
  const ttl = dice.chance(10) ? { ttlSeconds: dice.between(1, 60) } : {};
  return { type: 'sendToGroup', group: dice.pick(rooms), dataType: 'text', data, noEcho, ...ttl };
}

/** Of two fragments; its end may be left to the end of the connection, or to the time that it may be silent. */
function publishStream(client: JsonClient, dice: Dice, streamId: string): void {
  const stream = dice.chance(30) ? { streamId, idleTimeoutMs: 500 } : { streamId };
  client.tell({ type: 'sendToGroup', group: dice.pick(rooms), stream });
  for (const streamSequenceId of [1, 2]) {
    client.tell({ type: 'streamData', streamId, streamSequenceId, dataType: 'text', data: 'part' });
  }
  if (dice.chance(50)) client.tell({ type: 'streamEnd', streamId });
}
