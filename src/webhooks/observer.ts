import type { NotKeptReason } from '../outbox/outbox-error.js';

/** Is told what the room does, for metrics and logs. */
export interface WebhookObserver {
  /** An event that at least one endpoint takes. @param source an app's id or a hub's name */
  raised(source: string, type: string): void;
  /** An envelope was made for an endpoint. */
  enveloped(endpoint: string, events: number): void;
  /** An envelope could not be kept: it is not delivered. @param endpoint undefined: of a deadline, whatever it would have become */
  notKept(endpoint: string | undefined, reason: NotKeptReason): void;
  /** @param source key of an app or hub */
  warned(source: string, warning: string): void;
  fault(where: string, error: unknown): void;
}
