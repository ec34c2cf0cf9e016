/** Something that must hold for any bytes. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that reach far; new ones are made from them. Without any, inputs are random bytes only at first. */
  readonly corpus?: readonly Buffer[];
  /** Throws when the rule is broken. */
  run(bytes: Buffer): void;
}

/** A broken rule. */
export class RuleBroken extends Error {
  override readonly name = 'RuleBroken';
}
