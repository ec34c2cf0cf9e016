import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Observer } from './hub/ports.js';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Logs go to standard error, so that standard output holds only what a command was asked for. Pretty on a terminal, JSON otherwise. */
export function makeLogger(level: LogLevel, stream: NodeJS.WriteStream = process.stderr): Logger {
  const destination: DestinationStream = stream.isTTY
    ? pretty({ destination: stream, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', sync: true })
    : stream;
  return pino({ level, base: null }, destination);
}

/** What happened, in the log. Never bodies, tokens, keys or codes: those who report leave them out. */
export class LogObserver implements Partial<Observer> {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  connectionOpened(at: Parameters<Observer['connectionOpened']>[0]): void {
    this.#log.debug(at, 'connection opened');
  }

  connectionClosed(at: Parameters<Observer['connectionClosed']>[0]): void {
    const level = at.category === 'Normal' || at.category === 'ClosedByAppServer' ? 'debug' : 'info';
    this.#log[level](at, 'connection closed');
  }

  roleIgnored(at: Parameters<Observer['roleIgnored']>[0]): void {
    this.#log.warn(at, 'role ignored');
  }

  connectionRefused(at: Parameters<Observer['connectionRefused']>[0]): void {
    this.#log.info(at, 'connection refused');
  }

  eventFinished(at: Parameters<Observer['eventFinished']>[0]): void {
    const told = { ...at, durationMs: Math.round(at.durationMs * 10) / 10 };
    if (at.outcome === 'failed') this.#log.warn(told, 'event failed');
    else this.#log.debug(told, 'event finished');
  }

  handlerChanged(at: Parameters<Observer['handlerChanged']>[0]): void {
    if (at.state === 'failed') this.#log.warn(at, 'event handler is not active');
    else this.#log.info(at, `event handler is ${at.state}`);
  }

  fault(where: string, error: unknown): void {
    this.#log.error({ err: error, where }, 'internal error');
  }
}
