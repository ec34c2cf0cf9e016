import type { SimulatedNode } from './node.js';
import type { Dice, SimulatedTime } from './world.js';

const mostDelayMs = 12;

/** Messages between nodes: in order for each pair, at most once, and not between nodes that are cut off. */
export class SimulatedBus {
  readonly nodes = new Set<SimulatedNode>();
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  /** By pair: when the last message arrives. */
  readonly #arrivals = new Map<string, number>();
  readonly #cut = new Set<SimulatedNode>();

  constructor(time: SimulatedTime, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
  }

  cut(node: SimulatedNode): void {
    this.#cut.add(node);
  }

  heal(node?: SimulatedNode): void {
    if (node === undefined) this.#cut.clear();
    else this.#cut.delete(node);
  }

  /** `state`: the connection has one in the group; `noState`: not any more. */
  publish(from: SimulatedNode, kind: 'state' | 'noState', id: string): void {
    for (const to of this.nodes) if (to !== from) this.#send(from, to, kind, id);
  }

  #send(from: SimulatedNode, to: SimulatedNode, kind: 'state' | 'noState', id: string): void {
    if (this.#cut.has(from) || this.#cut.has(to)) {
      to.missed();
      return;
    }
    const { clock } = this.#time;
    const pair = `${from.name} ${to.name}`;
    const atMs = Math.max(this.#arrivals.get(pair) ?? 0, clock.monotonicMs() + this.#dice.between(0, mostDelayMs));
    this.#arrivals.set(pair, atMs);
    clock.after(atMs - clock.monotonicMs(), () => to.process.run(() => to.heard(kind, id)));
  }
}
