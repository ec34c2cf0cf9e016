/** Requests that are under way at a time: what an endpoint has unless it is told otherwise. */
export const concurrency = 8;

/** Requests of one step: 100 events each are as many bytes as memory has room for. */
export const stepSize = 100;
