import { createServer } from 'node:http';
import { sayListening } from './minimal-upgrade.js';

/** What a server did that works by itself for a time. */
export interface OwnWork {
  readonly done: number;
  readonly latenciesMs: readonly number[];
}

/** A server whose work needs no clients: `GET /?ms=700` has it done for so long. @param step does some. @returns how much */
export function serveOwnWork(step: () => Promise<number>): void {
  const server = createServer(async (request, response) => {
    const ms = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('ms'));
    response.end(JSON.stringify(await workFor(ms, step)));
  });
  server.listen(0, '127.0.0.1', () => sayListening(server));
}

async function workFor(ms: number, step: () => Promise<number>): Promise<OwnWork> {
  const latenciesMs: number[] = [];
  let done = 0;
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; ) {
    const startMs = performance.now();
    done += await step();
    latenciesMs.push(performance.now() - startMs);
  }
  return { done, latenciesMs };
}
