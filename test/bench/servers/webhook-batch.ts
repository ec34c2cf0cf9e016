/** Requests that are under way at a time: what an endpoint has unless it is told otherwise. */
export const concurrency = 8;

/** Requests of one step, which is over when all are answered. */
export const requestsOfStep = 256;
