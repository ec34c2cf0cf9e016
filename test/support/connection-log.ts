import { Mailbox } from './mailbox.js';
import type { CloseReport, Reports, RoleReport } from './reports.js';

type Refusal = Parameters<Reports['connectionRefused']>[0];

/** Keeps what became of connections, and counts what they sent. */
export class ConnectionLog implements Partial<Reports> {
  readonly closed = new Mailbox<CloseReport>();
  readonly refused = new Mailbox<Refusal>();
  readonly ignoredRoles = new Mailbox<RoleReport>();
  readonly faults: unknown[] = [];
  received = 0;
  #watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  connectionClosed(at: CloseReport): void {
    this.closed.put(at);
  }

  connectionRefused(at: Refusal): void {
    this.refused.put(at);
  }

  roleIgnored(at: RoleReport): void {
    this.ignoredRoles.put(at);
  }

  messageReceived(): void {
    this.received += 1;
    const due = this.#watchers.filter(({ count }) => count <= this.received);
    this.#watchers = this.#watchers.filter(({ count }) => count > this.received);
    for (const { resolve } of due) resolve();
  }

  fault(_where: string, error: unknown): void {
    this.faults.push(error);
  }

  /** Resolves once clients have sent this many messages. */
  whenReceived(count: number): Promise<void> {
    if (this.received >= count) return Promise.resolve();
    return new Promise(resolve => {
      this.#watchers.push({ count, resolve });
    });
  }
}
