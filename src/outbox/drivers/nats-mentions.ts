/** Records that may lie between what a `keep` is made from and the `keep` itself. */
const mostBetween = 2_000;

/**
 * When something was last mentioned that is not there, or not there any more. A node that begins to read in the middle of the
 * stream does not know the same envelopes as others, but is told of the same mentions.
 */
export class NatsMentions {
  /** The first record that was read. */
  beginSeq = 0;
  /** The one that is read now. */
  seq = 0;
  readonly #seqs = new Map<number | string, number>();

  note(what: number | string): void {
    this.#seqs.delete(what); // the last ones come last
    this.#seqs.set(what, this.seq);
  }

  /**
   * Nothing was said of it between that record and this one. False as well where that cannot be known.
   * @param mentionedSeq if it is there
   */
  isQuietSince(what: number | string, asOf: number, mentionedSeq = this.#seqs.get(what) ?? 0): boolean {
    return asOf >= this.beginSeq && this.seq - asOf <= mostBetween && mentionedSeq <= asOf;
  }

  /** Forgets what does not matter any more. */
  prune(): void {
    for (const [what, mentionedSeq] of this.#seqs) {
      if (mentionedSeq >= this.seq - mostBetween) return;
      this.#seqs.delete(what);
    }
  }
}
