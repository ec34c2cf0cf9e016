import { SimulatedBus } from './bus.js';
import { SimulatedNode, type Surroundings } from './node.js';
import { SimulatedStore } from './store.js';
import { SimulatedUpstream } from './upstream.js';
import { Dice, SimulatedTime } from './world.js';

export interface Outcome {
  readonly seed: number;
  /** Empty: everything held. */
  readonly faults: readonly string[];
  readonly connections: number;
  /** `disconnected` that a claimer has posted. */
  readonly takenOver: number;
}

const leaseMs = 2_000;
const steps = 120;
const healMs = 12 * leaseMs;

/** 3 to 5 nodes over a store and a bus, with everything that can go wrong, as the seed says. [cluster 12] */
export async function simulate(seed: number): Promise<Outcome> {
  const simulation = new Simulation(seed);
  for (let step = 0; step < steps && simulation.faults.length === 0; step += 1) await simulation.step();
  await simulation.heal();
  return simulation.outcome();
}

class Simulation {
  readonly faults: string[] = [];
  readonly #seed: number;
  readonly #dice: Dice;
  readonly #around: Surroundings;
  readonly #nodes: SimulatedNode[] = [];
  #named = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#dice = new Dice(seed);
    const time = new SimulatedTime();
    this.#around = {
      time,
      dice: this.#dice,
      store: new SimulatedStore(time, this.#dice),
      bus: new SimulatedBus(time, this.#dice),
      upstream: new SimulatedUpstream(),
      leaseMs,
    };
    const count = this.#dice.between(3, 5);
    for (let at = 0; at < count; at += 1) this.#add();
  }

  async step(): Promise<void> {
    this.#act();
    await this.#around.time.pass(this.#dice.between(0, leaseMs / 5));
    this.#check();
  }

  /** All that is broken is mended; then what is due has time to happen. */
  async heal(): Promise<void> {
    const { store, bus, time } = this.#around;
    store.heal();
    store.loseOf100(0);
    bus.heal();
    this.#wakeAll();
    await time.pass(healMs);
    this.#check();
    if (this.faults.length === 0) this.#checkEnd();
  }

  outcome(): Outcome {
    const told = [...this.#around.upstream.connections.values()];
    const takenOver = told.filter(({ ends }) => ends.has(2_147_483_647)).length;
    return { seed: this.#seed, faults: this.faults, connections: told.length, takenOver };
  }

  // ------------------------------------------------------------------------------------------------- what happens

  #act(): void {
    const { store, bus } = this.#around;
    const node = this.#dice.pick(this.#alive)!;
    const acts: Readonly<Record<number, () => void>> = {
      0: () => this.#kill(node),
      1: () => node.process.stop(),
      2: () => this.#wakeAll(),
      3: () => this.#wakeAll(),
      4: () => store.stall(this.#dice.between(100, 3 * leaseMs)),
      5: () => store.loseOf100(this.#dice.pick([0, 0, 5, 30])!),
      6: () => store.cut(node.process),
      7: () => store.heal(),
      8: () => bus.cut(node),
      9: () => bus.heal(),
      10: () => node.process.stepWall(this.#dice.between(-leaseMs, leaseMs / 4)),
    };
    const act = acts[this.#dice.between(0, 19)];
    if (act === undefined) this.#traffic(node);
    else act();
  }

  #wakeAll(): void {
    for (const { process } of this.#alive) process.goOn();
  }

  get #alive(): readonly SimulatedNode[] {
    return this.#nodes.filter(({ process }) => !process.isDead);
  }

  #add(): void {
    this.#named += 1;
    this.#nodes.push(new SimulatedNode(`n${this.#named}.`, this.#around));
  }

  /** Another one is started for it. */
  #kill(node: SimulatedNode): void {
    node.process.die();
    this.#around.bus.nodes.delete(node);
    this.#add();
  }

  #traffic(node: SimulatedNode): void {
    for (let count = this.#dice.between(1, 6); count > 0; count -= 1) {
      const id = this.#dice.pick(node.open);
      if (id !== undefined && this.#dice.isOneIn(2)) node.process.run(() => node.leave(id));
      else node.process.run(() => node.admit());
    }
  }

  // ------------------------------------------------------------------------------------------------ what must hold

  #check(): void {
    const { store, upstream } = this.#around;
    this.faults.push(...upstream.faults.splice(0));
    for (const { process, cluster, faults, name } of this.#alive) {
      this.faults.push(...faults.splice(0).map(fault => `${name}: ${fault}`));
      if (process.isRunning && cluster.check() && store.sealed.has(cluster.tag)) {
        this.faults.push(`node ${cluster.tag} acts although its ledger is sealed`);
      }
    }
  }

  /** Every connection that was told of is open at a node that lives, or was ended, with one id. */
  #checkEnd(): void {
    const { store, upstream } = this.#around;
    const open = new Set(this.#alive.flatMap(node => node.open));
    for (const [id, { connected, ends }] of upstream.connections) {
      if (open.has(id) && ends.size > 0) this.faults.push(`${id} is open and was ended`);
      if (!open.has(id) && connected > 0 && ends.size !== 1) this.faults.push(`${id} was ended ${ends.size} times`);
    }
    const tags = this.#alive.map(({ cluster }) => cluster.tag).toSorted();
    const leases = [...store.leases.keys()].toSorted();
    if (leases.join() !== tags.join()) this.faults.push(`the leases are ${leases.join()}, the nodes ${tags.join()}`);
    for (const { name, isGapped, states } of this.#alive) {
      const ghosts = isGapped ? [] : [...states].filter(id => !open.has(id));
      if (ghosts.length > 0) this.faults.push(`${name} knows states of ${ghosts.join()}, which are gone`);
    }
  }
}
