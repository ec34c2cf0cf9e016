/**
 * A name, or names that differ in one part, which `*` or `**` stands for: `*` does not cross a dot, as in the patterns of
 * roles, and may stand for nothing. [client-protocols 2.2]
 */
export class NamePattern {
  readonly #before: string;
  readonly #after: string;
  /** Undefined: exactly one name. */
  readonly wildcard: '*' | '**' | undefined;

  private constructor(before: string, wildcard: NamePattern['wildcard'], after: string) {
    this.#before = before;
    this.#after = after;
    this.wildcard = wildcard;
  }

  /** Undefined for more than one wildcard. */
  static parse(text: string): NamePattern | undefined {
    const [, before = '', stars, after = ''] = /^([^*]*)(\*\*?)?([^*]*)$/.exec(text) ?? [];
    if (before + (stars ?? '') + after !== text) return undefined;
    return new NamePattern(before, stars as NamePattern['wildcard'], after);
  }

  /** What the wildcard stands for in the name, `''` where there is none; undefined when the name does not match. */
  partOf(name: string): string | undefined {
    const [before, after] = [this.#before, this.#after];
    if (this.wildcard === undefined) return name === before ? '' : undefined;
    const isWithin = name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after);
    if (!isWithin) return undefined;
    const part = name.slice(before.length, name.length - after.length);
    return this.wildcard === '*' && part.includes('.') ? undefined : part;
  }

  /** The name in which the wildcard stands for the part. */
  nameWith(part: string): string {
    return this.wildcard === undefined ? this.#before : this.#before + part + this.#after;
  }

  /** What all its names begin with. */
  get beginning(): string {
    return this.#before;
  }

  /** Is there a name that both match? */
  overlaps(other: NamePattern): boolean {
    if (other.wildcard === undefined) return this.partOf(other.#before) !== undefined;
    if (this.wildcard === undefined) return other.partOf(this.#before) !== undefined;
    const before = longer(this.#before, other.#before);
    const after = longer(this.#after, other.#after);
    for (let shared = 0; shared <= Math.min(before.length, after.length); shared += 1) {
      const name = before + after.slice(shared);
      const isBoth = before.endsWith(after.slice(0, shared)) && this.partOf(name) !== undefined;
      if (isBoth && other.partOf(name) !== undefined) return true;
    }
    return false;
  }
}

function longer(a: string, b: string): string {
  return a.length >= b.length ? a : b;
}
