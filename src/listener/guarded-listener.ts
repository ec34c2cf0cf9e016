import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { ListenError, type ListenFailure } from '../errors.js';
import { type ListenAddress, listenOn } from './listen.js';
import type { SocketGuard } from './socket-guard.js';

/** One of the service's HTTP listeners, and the guard of its sockets. */
export class GuardedListener {
  readonly name: ListenFailure['listener'];
  readonly app: FastifyInstance;
  readonly guard: SocketGuard;
  #port = 0;

  constructor(name: ListenFailure['listener'], app: FastifyInstance, guard: SocketGuard) {
    this.name = name;
    this.app = app;
    this.guard = guard;
    guard.watch(app.server);
  }

  /** 0 until it is open. */
  get port(): number {
    return this.#port;
  }

  /** @returns why it does not listen */
  async open(address: ListenAddress): Promise<ListenFailure | undefined> {
    try {
      this.#port = await listenOn(this.app, address);
      return undefined;
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (code === undefined || !listenCalls.has(syscall)) throw error;
      return { listener: this.name, host: address.host, port: address.port, code };
    }
  }
}

/** `bind`: of a process that shares its sockets with others. */
const listenCalls: ReadonlySet<string | undefined> = new Set(['listen', 'bind', 'getaddrinfo']);

/** Opens the listeners that have an address; when one cannot be opened, all are closed. @throws ListenError with all failures */
export async function openListeners(
  addressed: readonly (readonly [GuardedListener, ListenAddress | undefined])[],
  log: Pick<FastifyBaseLogger, 'info'>,
): Promise<void> {
  const failures: ListenFailure[] = [];
  for (const [listener, address] of addressed) {
    const failure = address && (await listener.open(address));
    if (failure !== undefined) failures.push(failure);
  }
  if (failures.length > 0) {
    await Promise.all(addressed.map(([{ app }]) => app.close()));
    throw new ListenError(failures);
  }
  for (const [{ name, app }, address] of addressed) {
    if (address !== undefined) log.info(`${name} listener at ${app.listeningOrigin}`);
  }
}
