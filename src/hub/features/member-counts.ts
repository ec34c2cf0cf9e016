import type { Clock } from '../../clock.js';
import type { Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { Members } from '../members.js';
import type { Backplane, Ledger, Observer, Turn } from '../ports.js';
import type { Publisher } from '../publisher.js';

export interface MemberCountParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly members: Pick<Members, 'count'>;
  readonly publisher: Pick<Publisher, 'offer'>;
  readonly backplane: Pick<Backplane, 'gather'>;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly observer: Pick<Observer, 'tell' | 'fault'>;
  /** What is kept for other nodes; none when this node is alone. */
  readonly ledger?: Pick<Ledger, 'line'> | undefined;
}

/** Groups of more are told less often. [PW §1.2, row 20] */
const largeGroup = 100;
const largeGroupMs = 5_000;

interface Counted {
  /** As it was told last. */
  count: number;
  toldMs: number;
  isDue: boolean;
}

/** Tells the members of groups how many connections there are in them, once per turn and, in large ones, every 5 seconds. */
export class MemberCounts {
  readonly #parts: MemberCountParts;
  readonly #groups = new Map<string, Counted>();

  constructor(parts: MemberCountParts) {
    this.#parts = parts;
  }

  /** Somebody joined who wants to be told. */
  joined(connection: Connection, group: string): void {
    this.#keep(connection, 'counted', group);
    this.changed(group);
  }

  left(connection: Connection, group: string): void {
    const counted = this.#groups.get(group);
    if (counted === undefined) return;
    if (connection.isAlive) this.#keep(connection, 'notCounted', group);
    this.#schedule(group, counted);
  }

  /** On any node. */
  changed(group: string): void {
    let counted = this.#groups.get(group);
    if (counted === undefined) {
      counted = { count: 0, toldMs: Number.NEGATIVE_INFINITY, isDue: false };
      this.#groups.set(group, counted);
    }
    this.#schedule(group, counted);
  }

  #keep({ id }: Connection, kind: 'counted' | 'notCounted', group: string): void {
    void this.#parts.ledger?.line(this.#parts.hub, id).changed({ kind, group });
  }

  #schedule(group: string, counted: Counted): void {
    if (counted.isDue) return;
    counted.isDue = true;
    const { clock, turn } = this.#parts;
    const waitMs = counted.count > largeGroup ? counted.toldMs + largeGroupMs - clock.monotonicMs() : 0;
    const tell = () => void this.#tell(group, counted);
    if (waitMs > 0) clock.after(waitMs, tell);
    else turn.atEnd(tell);
  }

  /** Never rejects. */
  async #tell(group: string, counted: Counted): Promise<void> {
    const { hub, members, publisher, backplane, clock, observer } = this.#parts;
    const target: Target = { scope: 'group', hub, group };
    counted.isDue = false;
    counted.toldMs = clock.monotonicMs();
    let elsewhere: readonly number[] = [];
    try {
      elsewhere = (await backplane.gather(target, { kind: 'count', filter: undefined }, () => false)).answers;
    } catch (error) {
      observer.fault(`count of a group of hub ${hub}`, error);
    }
    const here = members.count(target);
    const count = elsewhere.reduce((total, each) => total + each, here);
    counted.count = count;
    if (here === 0 && !counted.isDue) this.#groups.delete(group);
    publisher.offer(target, { kind: 'memberCount', group, count });
    observer.tell({ kind: 'counted', hub, group, count });
  }
}
