/** Envelopes that are accepted together. */
export const batchSize = 100;

/** Of one envelope: a webhook with one event. */
export const contentBytes = 300;

/** What the outbox writes of one: the content and its head. */
export const rowBytes = contentBytes + 110;
