import type { CloseCategory } from '../../src/errors.js';
import type { PlainFact } from '../../src/hub/facts.js';
import type { Observer } from '../../src/hub/ports.js';
import { type RecordedEvent, recordedEvent } from './recording-observer.js';

/** A connection that was closed. */
export interface CloseReport {
  readonly hub: string;
  readonly connectionId: string;
  readonly protocol: string;
  readonly category: CloseCategory;
  readonly reason: string;
}

export interface RoleReport {
  readonly hub: string;
  readonly connectionId: string;
  readonly role: string;
  readonly reason: string;
}

/** What tests of a whole service look at, one method each. */
export interface Reports extends Pick<Observer, 'connectionRefused' | 'upgraded' | 'fault'> {
  connectionClosed(at: CloseReport): void;
  roleIgnored(at: RoleReport): void;
  messageReceived(hub: string, protocol: string, bytes: number): void;
  eventFinished(at: RecordedEvent): void;
}

/** The observer that calls the methods there are. */
export function observerOf(reports: Partial<Reports>): Partial<Observer> {
  return {
    tell: fact => tell(reports, fact),
    received: (hub, protocol, bytes) => reports.messageReceived?.(hub, protocol, bytes),
    connectionRefused: at => reports.connectionRefused?.(at),
    upgraded: at => reports.upgraded?.(at),
    fault: (where, error) => reports.fault?.(where, error),
  };
}

function tell(reports: Partial<Reports>, fact: PlainFact): void {
  if (fact.kind === 'evented') reports.eventFinished?.(recordedEvent(fact));
  if (fact.kind !== 'closed' && fact.kind !== 'roleIgnored') return;
  const { hub, connection } = fact;
  const { id: connectionId, protocol } = connection;
  if (fact.kind === 'roleIgnored') {
    reports.roleIgnored?.({ hub, connectionId, role: fact.role, reason: fact.reason });
  } else {
    const { category, reason } = fact.ending;
    reports.connectionClosed?.({ hub, connectionId, protocol: protocol.name, category, reason });
  }
}
