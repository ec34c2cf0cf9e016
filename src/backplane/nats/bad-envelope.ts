/** Why an envelope is dropped. [cluster 3.3] */
export type Flaw = 'format' | 'signature' | 'head' | 'part';

/** Bytes that are no envelope of this cluster. */
export class BadEnvelope extends Error {
  override readonly name = 'BadEnvelope';
  readonly flaw: Flaw;

  constructor(flaw: Flaw, what: string) {
    super(what);
    this.flaw = flaw;
  }
}

/** A head that does not match the schema. @param what the field, and what it must be */
export function badHead(what: string): BadEnvelope {
  return new BadEnvelope('head', what);
}
