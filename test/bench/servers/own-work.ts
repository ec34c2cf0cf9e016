import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { sayListening } from './minimal-upgrade.js';

/**
 * Full collections while work is prepared would remove the compiled code of the work itself, as nothing uses it meanwhile:
 * each slice would then measure its compilation. Set for both sides.
 */
setFlagsFromString('--no-flush-bytecode');
setFlagsFromString('--retain-maps-for-n-gc=1000000');

/** What a server did that works by itself for a time. */
export interface OwnWork {
  readonly done: number;
  readonly latenciesMs: readonly number[];
}

/** Does some work. @returns how much; 0: there is none left */
export type Step = () => Promise<number>;

/**
 * A server whose work needs no clients: `GET /?ms=700` has it done for so long, or until there is none left.
 * @param prepare what has to be done before that and is not measured: `GET /prepare`
 */
export function serveOwnWork(step: Step, prepare: () => Promise<void> = async () => {}): void {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname !== '/prepare') response.end(JSON.stringify(await workFor(Number(searchParams.get('ms')), step)));
    else {
      await prepare();
      response.end();
    }
  });
  server.listen(0, '127.0.0.1', () => sayListening(server));
}

async function workFor(ms: number, step: Step): Promise<OwnWork> {
  const latenciesMs: number[] = [];
  let done = 0;
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; ) {
    const startMs = performance.now();
    const count = await step();
    if (count === 0) break;
    done += count;
    latenciesMs.push(performance.now() - startMs);
  }
  return { done, latenciesMs };
}
