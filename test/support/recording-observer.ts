import type { Evented, EventKind, EventOutcome, PlainFact } from '../../src/hub/facts.js';
import type { Observer } from '../../src/hub/ports.js';

type Told<K extends keyof Observer> = Parameters<Observer[K]>[0];

/** A fact or a report, flat: the connection is its id and its protocol's name. */
export interface Recorded {
  readonly what: PlainFact['kind'] | Exclude<keyof Observer, 'tell'>;
  readonly [detail: string]: unknown;
}

/** An event that is over, as tests compare it. */
export interface RecordedEvent {
  readonly hub: string;
  readonly connectionId: string;
  readonly event: string;
  readonly kind: EventKind;
  readonly outcome: EventOutcome;
  readonly durationMs: number;
  readonly attempts: number;
  readonly reason: string | undefined;
}

/** Keeps all that it is told, and lets a test await the next of it. */
export class RecordingObserver implements Observer {
  readonly facts: Recorded[] = [];
  readonly events: RecordedEvent[] = [];
  readonly handlers: Told<'handlerChanged'>[] = [];
  readonly validations: Told<'handlerValidated'>[] = [];
  readonly warnings: string[] = [];
  readonly faults: unknown[] = [];
  #waiting: (() => void)[] = [];

  tell(fact: PlainFact): void {
    if (fact.kind === 'evented') this.events.push(recordedEvent(fact));
    this.#keep(recorded(fact));
  }

  received(hub: string, protocol: string, bytes: number): void {
    this.#keep({ what: 'received', hub, protocol, bytes });
  }

  sent(hub: string, protocol: string, receivers: number, bytes: number): void {
    this.#keep({ what: 'sent', hub, protocol, receivers, bytes });
  }

  delivered(hub: string, sends: number, receivers: number): void {
    this.#keep({ what: 'delivered', hub, sends, receivers });
  }

  connectionRefused(at: Told<'connectionRefused'>): void {
    this.#keep({ what: 'connectionRefused', ...at });
  }

  upgraded(at: Told<'upgraded'>): void {
    this.#keep({ what: 'upgraded', ...at });
  }

  restCallFinished(operation: string, status: number, durationMs: number): void {
    this.#keep({ what: 'restCallFinished', operation, status, durationMs });
  }

  restCallTold(at: Told<'restCallTold'>): void {
    this.#keep({ what: 'restCallTold', ...at });
  }

  handlerChanged(at: Told<'handlerChanged'>): void {
    this.handlers.push(at);
    this.#keep({ what: 'handlerChanged', ...at });
  }

  handlerValidated(result: Told<'handlerValidated'>): void {
    this.validations.push(result);
  }

  warned(at: Told<'warned'>): void {
    this.warnings.push(at.warning);
    this.#keep({ what: 'warned', ...at });
  }

  fault(where: string, error: unknown): void {
    this.faults.push(error);
    this.#keep({ what: 'fault', where, error });
  }

  of(what: Recorded['what']): Recorded[] {
    return this.facts.filter(fact => fact.what === what);
  }

  /** Resolves once `isSo`, which is asked again after each fact or report. */
  async until(isSo: (observer: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve);
      });
    }
  }

  #keep(recorded: Recorded): void {
    this.facts.push(recorded);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function recorded(fact: PlainFact): Recorded {
  if (!('connection' in fact)) {
    const { kind: what, ...about } = fact;
    return { what, ...about };
  }
  const { kind: what, hub, connection, ...about } = fact;
  const flat = { what, hub, connectionId: connection.id, protocol: connection.protocol.name };
  if (!('ending' in about)) return { ...flat, ...about };
  const { ending, ...rest } = about;
  return { ...flat, ...rest, ...ending };
}

export function recordedEvent({ kind: _kind, type: kind, name: event, ...rest }: Evented): RecordedEvent {
  return { ...rest, event, kind };
}
