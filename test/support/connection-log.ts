import type { Observer } from '../../src/hub/ports.js';
import { Mailbox } from './mailbox.js';

type Told<K extends keyof Observer> = Parameters<Observer[K]>[0];

/** Keeps what became of connections, and counts what they sent. */
export class ConnectionLog implements Partial<Observer> {
  readonly closed = new Mailbox<Told<'connectionClosed'>>();
  readonly refused = new Mailbox<Told<'connectionRefused'>>();
  readonly ignoredRoles = new Mailbox<Told<'roleIgnored'>>();
  readonly faults: unknown[] = [];
  received = 0;
  #watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  connectionClosed(at: Told<'connectionClosed'>): void {
    this.closed.put(at);
  }

  connectionRefused(at: Told<'connectionRefused'>): void {
    this.refused.put(at);
  }

  roleIgnored(at: Told<'roleIgnored'>): void {
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
