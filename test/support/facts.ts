import type { CloseCategory } from '../../src/errors.js';
import type { EventKind, EventOutcome, FactConnection, PlainFact } from '../../src/hub/facts.js';

/** Of whom a test tells a fact. */
export interface Subject {
  readonly hub: string;
  readonly connectionId?: string;
  readonly protocol?: string;
}

export function connectionOf({
  connectionId: id = 'c',
  protocol: name = 'simple',
}: Omit<Subject, 'hub'>): FactConnection {
  return { id, userId: undefined, protocol: { name }, upstream: {} };
}

/** The facts that metrics and logs read, from flat details. */
export const facts = {
  opened: ({ hub, ...of }: Subject): PlainFact => ({
    kind: 'opened',
    hub,
    connection: connectionOf(of),
    isFirst: false,
  }),
  closed: ({ hub, ...of }: Subject, category: CloseCategory, reason = '', isClientText?: boolean): PlainFact => ({
    kind: 'closed',
    hub,
    connection: connectionOf(of),
    ending: { category, reason, isClientText },
  }),
  roleIgnored: ({ hub, ...of }: Subject, role: string, reason: string): PlainFact => ({
    kind: 'roleIgnored',
    hub,
    connection: connectionOf(of),
    role,
    reason,
  }),
  refused: ({ hub, ...of }: Subject, reason: string): PlainFact => ({
    kind: 'refused',
    hub,
    connection: connectionOf(of),
    reason,
  }),
  evented: (about: {
    hub: string;
    event: string;
    outcome: EventOutcome;
    connectionId?: string;
    type?: EventKind;
    durationMs?: number;
    attempts?: number;
    reason?: string | undefined;
  }): PlainFact => {
    const {
      hub,
      event: name,
      outcome,
      connectionId = 'c',
      type = 'user',
      durationMs = 0,
      attempts = 0,
      reason,
    } = about;
    return { kind: 'evented', hub, connectionId, type, name, outcome, durationMs, attempts, reason };
  },
};
