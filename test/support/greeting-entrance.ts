import { PubSubError } from '../../src/errors.js';
import type { Admission, Candidate } from '../../src/hub/admission.js';
import type { Protocol } from '../../src/protocols/protocol.js';
import { json } from '../../src/protocols/webpubsub/json/index.js';
import { checkHandshake, headersOf, subprotocolsOf } from '../../src/sockets/client-request.js';
import type { ClientWebSocket, SocketReader } from '../../src/sockets/client-web-socket.js';
import type { Door } from '../../src/sockets/door.js';
import type { Arrival, Entrance } from '../../src/sockets/entrances/entrance.js';
import type { EndsIn, Upgrade } from '../../src/sockets/upgrade.js';

/** The JSON protocol with close codes of its own. */
export const greeting: Protocol = {
  ...json,
  name: 'greeting',
  closeCodes: { ...json.closeCodes, malformed: 4000, unauthorized: 4001, conflict: 4009, shuttingDown: 4200 },
};

/** A close code, without a message before. */
const refusals: EndsIn = { closeCodes: greeting.closeCodes, encoder: { encode: () => undefined } };

/**
 * An entrance that admits clients after the 101, as MQTT and Pusher need it: at `/greet/{hub}`, upon a first message
 * `hello {connection id} {password}`.
 */
export class GreetingEntrance implements Entrance {
  readonly location = '/greet/{hub}';
  readonly #door: Door;

  constructor(door: Door) {
    this.#door = door;
  }

  serves(path: string): boolean {
    return path.startsWith('/greet/');
  }

  take(upgrade: Upgrade): Arrival | Promise<Arrival> {
    checkHandshake(upgrade.request);
    upgrade.hub = upgrade.path.slice('/greet/'.length);
    const ws = upgrade.finish(subprotocolsOf(upgrade.request)[0], refusals);
    if (ws === undefined) return 'left';
    return new Promise((arrive, refuse) => {
      ws.reader = new Greeting(this.#door, upgrade, ws, { arrive, refuse });
    });
  }
}

interface Outcome {
  arrive(arrival: Arrival | Promise<Arrival>): void;
  refuse(error: unknown): void;
}

/** Reads a WebSocket until its client is admitted. */
class Greeting implements SocketReader {
  readonly #door: Door;
  readonly #upgrade: Upgrade;
  readonly #ws: ClientWebSocket;
  readonly #outcome: Outcome;
  /** What follows the first message while the client is being admitted. */
  #early: { bytes: Buffer; isBinary: boolean }[] | undefined;

  constructor(door: Door, upgrade: Upgrade, ws: ClientWebSocket, outcome: Outcome) {
    this.#door = door;
    this.#upgrade = upgrade;
    this.#ws = ws;
    this.#outcome = outcome;
  }

  receive(bytes: Buffer, isBinary: boolean): void {
    if (this.#early !== undefined) {
      this.#early.push({ bytes, isBinary });
      return;
    }
    this.#early = [];
    try {
      this.#outcome.arrive(this.#admit(bytes.toString('utf8')));
    } catch (error) {
      this.#outcome.refuse(error);
    }
  }

  fail(): void {}

  close(): void {
    this.#outcome.arrive('left');
  }

  #admit(text: string): Arrival | Promise<Arrival> {
    const [, connectionId, password] = /^hello (\S+) (\S+)$/.exec(text) ?? [];
    if (connectionId === undefined) throw new PubSubError('malformed', 'expected: hello {connection id} {password}');
    if (password !== 'sesame') throw new PubSubError('unauthorized', 'the password is wrong');
    const door = this.#door;
    door.checkOpen();
    const name = this.#upgrade.hub;
    const hub = door.enter(this.#upgrade, name, door.hubs.find(name));
    const open = (admission: Admission) => {
      const arrival = door.open(this.#upgrade, hub, admission);
      for (const { bytes, isBinary } of this.#early ?? []) this.#ws.reader?.receive(bytes, isBinary);
      return arrival;
    };
    const admission = door.admit(hub, this.#candidate(connectionId));
    return admission instanceof Promise ? admission.then(open) : open(admission);
  }

  #candidate(connectionId: string): Candidate {
    const { request } = this.#upgrade;
    return {
      connectionId,
      userId: undefined,
      claims: {},
      query: {},
      headers: headersOf(request),
      subprotocols: subprotocolsOf(request),
      clientCertificates: [],
      roles: ['webpubsub.joinLeaveGroup'],
      groups: [],
      protocol: greeting,
      protocolOf: () => greeting,
    };
  }
}
