/** Requests that are under way at a time: what an endpoint has unless it is told otherwise. */
export const concurrency = 8;

/** Requests of one step: 100 events each are as many bytes as memory has room for. */
export const stepSize = 100;

/** What is prepared for one slice, in requests: more than are sent in it, where memory has room for so many events. */
export function preparedRequests(eventsPerRequest: number): number {
  return eventsPerRequest === 1 ? 20_000 : 5_000;
}
