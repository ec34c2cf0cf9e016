/** Requests that are under way at a time: what an endpoint has unless it is told otherwise. */
export const concurrency = 8;

/** Requests of one step: 100 events each are as many bytes as memory has room for. */
export const stepSize = 100;

/** What is prepared for one slice, in requests: as many as the outbox keeps in memory for those that are delivered at once. */
export function recentRequests(eventsPerRequest: number): number {
  return eventsPerRequest === 1 ? 20_000 : 900;
}

/** More than is sent in a slice, and many times more than is kept in memory: nearly all is read from the file. */
export const backlogRequests = 5_000;
