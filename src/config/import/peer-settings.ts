import type { Path } from '../problems.js';

/** A mapping of a peer's file. */
export type PeerMap = ReadonlyMap<string, unknown>;

export interface Remark {
  readonly path: Path;
  readonly advice: string;
}

/**
 * A mapping of a peer's file, from which settings are taken by name. A value of another type than the one that is wanted
 * stays: whatever is left in the end has no equal. Several names are aliases; the first one that is set counts.
 */
export class PeerSettings {
  readonly path: Path;
  readonly #values: PeerMap;
  readonly #taken = new Set<string>();
  readonly #inner = new Map<string, readonly PeerSettings[]>();
  readonly #remarks: Remark[] = [];
  /** Of lists that were taken in part. */
  readonly #strangers = new Map<string, readonly string[]>();

  constructor(values: PeerMap, path: Path = []) {
    this.#values = values;
    this.path = path;
  }

  /** Without taking it. */
  peek(...names: readonly string[]): unknown {
    return this.#values.get(this.#nameOf(names) ?? '');
  }

  pathOf(name: string): Path {
    return [...this.path, name];
  }

  text(...names: readonly string[]): string | undefined {
    return this.#take(names, value => {
      if (typeof value === 'bigint' || typeof value === 'number') return String(value);
      return typeof value === 'string' && value !== '' ? value : undefined;
    });
  }

  /** Peers write numbers as texts, too. */
  number(...names: readonly string[]): number | undefined {
    return this.#take(names, value => {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number(value ?? Number.NaN);
      return typeof value !== 'boolean' && typeof value !== 'object' && Number.isFinite(number) ? number : undefined;
    });
  }

  /** Rows of databases have 1 and 0. A text is true for soketi whatever it says, so only those are taken that say so. */
  boolean(...names: readonly string[]): boolean | undefined {
    return this.#take(names, value => {
      if (typeof value === 'boolean') return value;
      if (value === 'true' || value === '1' || value === 1n) return true;
      return value === 0n ? false : undefined;
    });
  }

  /** Only if every item is a text. */
  texts(...names: readonly string[]): readonly string[] | undefined {
    return this.#take(names, value =>
      Array.isArray(value) && value.every(item => typeof item === 'string') ? (value as string[]) : undefined,
    );
  }

  /** Those of a list of texts that are known. The others stay, each by its text; all of it, if an item is no text. */
  textsAmong(name: string, known: readonly string[]): readonly string[] {
    const texts = this.texts(name) ?? [];
    this.#strangers.set(
      name,
      texts.filter(text => !known.includes(text)),
    );
    return texts.filter(text => known.includes(text));
  }

  /** Takes nothing of it yet. Empty when the setting is no mapping. */
  mapping(name: string): PeerSettings {
    const [known] = this.#inner.get(name) ?? [];
    if (known !== undefined) return known;
    const value = this.#values.get(name);
    const inner = new PeerSettings(value instanceof Map ? value : new Map(), this.pathOf(name));
    if (value instanceof Map) this.#inner.set(name, [inner]);
    return inner;
  }

  /** The mappings of a list; undefined when the setting is none. @param read makes a list of what the file has */
  mappings(names: readonly string[], read: (value: unknown) => unknown = value => value): PeerSettings[] | undefined {
    const name = this.#nameOf(names);
    const list = name === undefined ? undefined : read(this.#values.get(name));
    if (name === undefined || !Array.isArray(list) || !list.every(item => item instanceof Map)) return undefined;
    const inner = list.map((item, index) => new PeerSettings(item, [...this.pathOf(name), index]));
    this.#inner.set(name, inner);
    return inner;
  }

  /** All that was not taken yet, which is taken with this, as the file has it; what is empty is left out. */
  others(): Readonly<Record<string, unknown>> {
    const names = [...this.#values.keys()].filter(name => !this.#taken.has(name) && !isEmpty(this.#values.get(name)));
    for (const name of names) this.#taken.add(name);
    return Object.fromEntries(names.map(name => [name, plain(this.#values.get(name))]));
  }

  /** Says of the mapping, or of a setting of it, what is different here. */
  remark(advice: string, name?: string): void {
    this.#remarks.push({ path: name === undefined ? this.path : this.pathOf(name), advice });
  }

  /** Of it and of all within it. */
  remarks(): Remark[] {
    return [...this.#remarks, ...[...this.#inner.values()].flat().flatMap(each => each.remarks())];
  }

  /** Where the settings stand that were not taken; those that are empty are no settings. */
  left(): Path[] {
    return [...this.#values].flatMap(([name, value]) => {
      if (this.#taken.has(name)) return (this.#strangers.get(name) ?? []).map(text => [...this.pathOf(name), text]);
      const inner = this.#inner.get(name);
      return inner === undefined ? leavesOf(value, this.pathOf(name)) : inner.flatMap(each => each.left());
    });
  }

  #nameOf(names: readonly string[]): string | undefined {
    return names.find(name => (this.#values.get(name) ?? null) !== null && this.#values.get(name) !== '');
  }

  #take<T>(names: readonly string[], read: (value: unknown) => T | undefined): T | undefined {
    const name = this.#nameOf(names);
    const value = name === undefined ? undefined : read(this.#values.get(name));
    if (name !== undefined && value !== undefined) this.#taken.add(name);
    return value;
  }
}

function isEmpty(value: unknown): boolean {
  return (value ?? '') === '' || (Array.isArray(value) && value.length === 0);
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]));
}

function leavesOf(value: unknown, path: Path): Path[] {
  if (value === null || value === undefined || value === '') return [];
  if (!(value instanceof Map)) return [path];
  return [...value].flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}
