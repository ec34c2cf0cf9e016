import { Writer } from './nats-entries.js';
import type { NodeEntry } from './nats-records.js';

/** Nodes that are remembered after they have gone: their last records may still arrive, and arrive twice. */
const mostGone = 100;

/** The nodes that are there. */
export class Writers {
  readonly #live = new Map<string, Writer>();
  /** Numbers of the last records of those that have gone, in the order in which they went. */
  readonly #gone = new Map<string, number>();
  /** The last record with which a node came or went. */
  changedSeq = 0;

  get live(): Iterable<Writer> {
    return this.#live.values();
  }

  /** For readers that begin where the stream begins then. */
  get nodes(): readonly NodeEntry[] {
    const live = Array.from(this.#live.values(), ({ node, number }) => ({ node, number }));
    return [...live, ...Array.from(this.#gone, ([node, number]) => ({ node, number, isGone: true }) as const)];
  }

  get(node: string): Writer | undefined {
    return this.#live.get(node);
  }

  /** As of the place where the stream begins. */
  load(nodes: readonly NodeEntry[]): void {
    for (const { node, number, isGone } of nodes) {
      if (isGone === true) this.#gone.set(node, number);
      else this.#add(node).number = number;
    }
  }

  /**
   * The writer of a record. Whose first record is long gone, and who is not known, was gone as well.
   * @returns undefined for a record that has arrived before
   */
  of(node: string, number: number, seq: number): Writer | undefined {
    const known = this.#live.get(node);
    if (known === undefined && (number > 1 || this.#gone.has(node))) return this.#ofGone(node, number, seq);
    if (known === undefined) this.changedSeq = seq;
    const writer = known ?? this.#add(node);
    if (number <= writer.number) return undefined;
    writer.number = number;
    return writer;
  }

  remove(writer: Writer, seq: number): void {
    writer.isLive = false;
    this.#live.delete(writer.node);
    this.#remember(writer.node, writer.number, seq);
  }

  #ofGone(node: string, number: number, seq: number): Writer | undefined {
    if (number <= (this.#gone.get(node) ?? 0)) return undefined;
    this.#remember(node, number, seq);
    return new Writer(node, false);
  }

  #remember(node: string, number: number, seq: number): void {
    this.changedSeq = seq;
    this.#gone.set(node, number);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > mostGone && oldest !== undefined) this.#gone.delete(oldest);
  }

  #add(node: string): Writer {
    const writer = new Writer(node, true);
    this.#live.set(node, writer);
    return writer;
  }
}
