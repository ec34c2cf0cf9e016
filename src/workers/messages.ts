import type { AccessKeys } from '../auth/keys.js';

/** One handler's state, as operators see it. The same fields as the service's own. */
export interface HandlerState {
  readonly hub: string;
  readonly url: string;
  readonly events: string;
  readonly state: 'pending' | 'active' | 'failed';
  readonly answered: string | undefined;
  readonly advice: string | undefined;
}

/** A request of an operator that a worker answers: its route is one of those of the worker's own admin API. */
export interface OperatorRequest {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

export interface OperatorAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Requests of the parent to a worker, with their responses. */
export interface Requests {
  /** Its metrics, as prom-client represents them. */
  metrics: { readonly parameters: undefined; readonly answer: readonly object[] };
  /** Uses the hubs file as it is now, at once. */
  reload: { readonly parameters: undefined; readonly answer: undefined };
  /** Closes its clients in waves. */
  closeClients: { readonly parameters: undefined; readonly answer: undefined };
  operate: { readonly parameters: OperatorRequest; readonly answer: OperatorAnswer };
}

export type RequestName = keyof Requests;

/** What workers have answered. */
export interface Answers<Q extends RequestName> {
  /** By the index of each. */
  readonly given: ReadonlyMap<number, Requests[Q]['answer']>;
  /** Those that did not answer, for people: `worker 1 (process 17)`. */
  readonly missing: readonly string[];
}

export type ToWorker =
  /**
   * Listen. `publicUrl`: of the listener of its predecessor, where a successor listens once it lets clients in: it would refuse
   * those that reach it before, and others of the same port would not.
   */
  | { readonly kind: 'begin'; readonly keys: AccessKeys; readonly publicUrl?: string }
  /** Let clients in. `variables` are filled in into the hubs file besides the worker's own. */
  | { readonly kind: 'activate'; readonly variables: Readonly<Record<string, string>> }
  | { readonly kind: 'keys'; readonly keys: AccessKeys }
  | { readonly kind: 'request'; readonly id: number; readonly name: RequestName; readonly parameters: unknown }
  /** Every second; `pong` answers it at once. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'started' }
  | { readonly kind: 'pong' }
  | { readonly kind: 'listening'; readonly publicUrl: string }
  /** It listens, and has let clients in for the first time. */
  | { readonly kind: 'ready' }
  /** Does it let clients in from now on? Not while it is paused, and not when it stops. */
  | { readonly kind: 'admission'; readonly isOpen: boolean }
  /** Each of its event handlers is active or has failed. */
  | { readonly kind: 'validated' }
  /** It cannot run, and ends; `text` says why and what to do. */
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'handlers'; readonly handlers: readonly HandlerState[] }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly text: string };
