import { PubSubError } from '../errors.js';
import { canonicalHubName, isHubName } from '../protocols/names.js';
import { Hub, type HubPorts } from './hub.js';
import type { Answer, Operation, Performer, Target } from './ports.js';

/** Finds a hub by its name. A hub needs no configuration: it comes into being when it is first asked for. [client-protocols 1.1] */
export class Hubs implements Performer {
  readonly #hubs = new Map<string, Hub>();
  readonly #ports: HubPorts;

  constructor(ports: HubPorts) {
    this.#ports = ports;
    ports.backplane.attach(this);
  }

  /** In any letter case. @throws PubSubError `invalid` for what cannot be a hub's name */
  get(name: string): Hub {
    const key = keyOf(name);
    const known = this.#hubs.get(key);
    if (known !== undefined) return known;
    const hub = new Hub(key, this.#ports);
    this.#hubs.set(key, hub);
    return hub;
  }

  /** For callers that have proved nothing yet: a hub stays for ever, so their word makes none. @throws as `get` */
  find(name: string): Hub | undefined {
    return this.#hubs.get(keyOf(name));
  }

  /** Connections on this node, of all hubs. */
  get size(): number {
    let total = 0;
    for (const hub of this.#hubs.values()) total += hub.size;
    return total;
  }

  all(): Iterable<Hub> {
    return this.#hubs.values();
  }

  perform(target: Target, operation: Operation): Answer | Promise<Answer> {
    return this.get(target.hub).perform(target, operation);
  }
}

function keyOf(name: string): string {
  if (isHubName(name)) return canonicalHubName(name);
  throw new PubSubError('invalid', 'a hub name is a letter, then up to 127 of letters, digits and _ ` , . [ ]');
}
