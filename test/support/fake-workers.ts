import type { FromWorker, RequestName, Requests, ToWorker } from '../../src/workers/messages.js';
import type { ForkedProcess } from '../../src/workers/worker-process.js';

/** A process that does what a test says. Pings are answered, and are not among what was received. */
export class FakeProcess implements ForkedProcess {
  /** Answers no ping: it hangs. */
  isHung = false;
  readonly received: ToWorker[] = [];
  readonly signals: string[] = [];
  #say: (message: FromWorker) => void = () => {};
  #end: (end: string) => void = () => {};

  constructor(
    readonly place: number,
    readonly pid: number,
  ) {}

  send(message: ToWorker): void {
    if (message.kind !== 'ping') this.received.push(message);
    else if (!this.isHung) this.say({ kind: 'pong' });
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#say = listener;
  }

  onExit(listener: (end: string) => void): void {
    this.#end = listener;
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
  }

  say(message: FromWorker): void {
    this.#say(message);
  }

  end(how: string): void {
    this.#end(how);
  }

  /** As a worker that listens. */
  listens(publicUrl = 'http://here:1'): void {
    this.say({ kind: 'started' });
    this.say({ kind: 'listening', publicUrl });
  }

  /** As a worker that has been activated. */
  letsIn(): void {
    this.say({ kind: 'admission', isOpen: true });
    this.say({ kind: 'ready' });
  }

  /** Answers the last request. */
  answers<Q extends RequestName>(answer: Requests[Q]['answer']): void {
    const last = this.received.findLast(message => message.kind === 'request');
    if (last?.kind !== 'request') throw new Error('nothing was requested');
    this.say({ kind: 'answered', id: last.id, answer });
  }

  /** What it received since the last look. */
  take(): string[] {
    return this.received.splice(0).map(({ kind }) => kind);
  }
}
