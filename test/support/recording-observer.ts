import type { Observer } from '../../src/hub/ports.js';

type Told<K extends keyof Observer> = Parameters<Observer[K]>[0];

/** Keeps what upstream code reports, and lets a test await the next finished event. */
export class RecordingObserver implements Observer {
  readonly events: Told<'eventFinished'>[] = [];
  readonly handlers: Told<'handlerChanged'>[] = [];
  readonly warnings: string[] = [];
  readonly faults: unknown[] = [];
  #waiting: (() => void)[] = [];

  connectionOpened(): void {}
  connectionClosed(): void {}
  roleIgnored(): void {}
  requestRefused(): void {}
  connectionRefused(): void {}
  upgraded(): void {}
  restCallFinished(): void {}
  restCallTold(): void {}
  sendsDelivered(): void {}
  messageReceived(): void {}
  messageSent(): void {}

  eventFinished(at: Told<'eventFinished'>): void {
    this.events.push(at);
    this.#wake();
  }

  handlerChanged(at: Told<'handlerChanged'>): void {
    this.handlers.push(at);
    this.#wake();
  }

  warned({ warning }: Told<'warned'>): void {
    this.warnings.push(warning);
    this.#wake();
  }

  fault(_where: string, error: unknown): void {
    this.faults.push(error);
    this.#wake();
  }

  /** Resolves once `isSo`, which is asked again after each report. */
  async until(isSo: (observer: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve);
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
