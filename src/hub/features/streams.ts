import type { Clock } from '../../clock.js';
import { outcomes, unreachable } from '../../errors.js';
import type { ActOf, StreamNotice } from '../../protocols/acts.js';
import type { MessageError, Payload, StreamPosition } from '../../protocols/messages.js';
import { notAccepted } from '../commands.js';
import type { Publication } from '../ports.js';
import { missingPermission } from '../roles.js';
import type { StreamRecord } from '../session.js';

/** Default idle timeout of a stream. [client-protocols 4.8] */
export const defaultIdleTimeoutMs = 300_000;

/** Open at the same time in one session. */
export const maxOpenStreams = 100;

/** Keeps a receiver's reader going to the end: clients in the field drop what has no data type or no data. [client-protocols D21] */
const nothing: Payload = { dataType: 'text', bytes: Buffer.alloc(0), metadata: undefined };

/** One stream that is open. */
export interface StreamState {
  readonly streamId: string;
  readonly group: string;
  readonly noEcho: boolean;
  /** The sequence id of the next fragment. */
  readonly expected: bigint;
}

export type StreamInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'fragment'; readonly sequenceId: bigint; readonly payload: Payload }
  | { readonly kind: 'keepAlive' }
  | { readonly kind: 'end'; readonly error: ActOf<'streamEnd'>['error'] }
  /** The idle timeout has expired. */
  | { readonly kind: 'idle' }
  /** The publisher's session is over. */
  | { readonly kind: 'cancel' };

export type StreamOutput =
  | { readonly to: 'publisher'; readonly notice: StreamNotice }
  | {
      readonly to: 'group';
      readonly group: string;
      readonly noEcho: boolean;
      readonly payload: Payload;
      readonly position: StreamPosition;
    };

export interface StreamStep {
  /** Undefined: the stream is closed, and its id may be used again. */
  readonly state: StreamState | undefined;
  /** The publisher is active: its idle timeout starts again. */
  readonly isSignOfLife: boolean;
  /** In this order: what is published goes before its ack. */
  readonly outputs: readonly StreamOutput[];
}

/** What an input does to an open stream. Pure. [client-protocols 4.8] */
export function step(state: StreamState, input: StreamInput): StreamStep {
  switch (input.kind) {
    case 'start':
      return { state, isSignOfLife: true, outputs: [ack(state)] };
    case 'fragment':
      return fragmentStep(state, input.sequenceId, input.payload);
    case 'keepAlive':
      return { state, isSignOfLife: true, outputs: [] };
    case 'end':
      return closedStep(state, input.error && { name: 'UserError', ...input.error }, closed(state.streamId));
    case 'idle': {
      const error = { name: 'IdleTimeout', message: 'nothing was received within the idle timeout of the stream' };
      return closedStep(state, { ...error, userErrorCode: undefined }, closed(state.streamId, error));
    }
    case 'cancel':
      return closedStep(state, { name: 'Cancelled', message: 'the publisher is gone', userErrorCode: undefined });
    default:
      return unreachable(input);
  }
}

function fragmentStep(state: StreamState, sequenceId: bigint, payload: Payload): StreamStep {
  const { expected } = state;
  // Probably sent again after a recovery: the answer contains the sequence id that is expected next.
  if (sequenceId < expected) return { state, isSignOfLife: false, outputs: [ack(state)] };
  if (sequenceId > expected) return { state, isSignOfLife: false, outputs: [nack(state)] };
  const next = { ...state, expected: expected + 1n };
  const position = { streamId: state.streamId, sequenceId, isEnd: false, error: undefined };
  return { state: next, isSignOfLife: true, outputs: [toGroup(state, payload, position), ack(next)] };
}

function closedStep(state: StreamState, error: StreamPosition['error'], last?: StreamOutput): StreamStep {
  const position = { streamId: state.streamId, sequenceId: state.expected, isEnd: true, error };
  const end = toGroup(state, nothing, position);
  return { state: undefined, isSignOfLife: false, outputs: last === undefined ? [end] : [end, last] };
}

function toGroup({ group, noEcho }: StreamState, payload: Payload, position: StreamPosition): StreamOutput {
  return { to: 'group', group, noEcho, payload, position };
}

function ack({ streamId, expected }: StreamState): StreamOutput {
  return { to: 'publisher', notice: { kind: 'streamAck', streamId, expectedSequenceId: expected } };
}

function nack({ streamId, expected }: StreamState): StreamOutput {
  const error = { name: 'InvalidSequenceId', message: `fragment ${expected} is expected next` };
  return { to: 'publisher', notice: { kind: 'streamNack', streamId, expectedSequenceId: expected, error } };
}

function closed(streamId: string, error?: MessageError): StreamOutput {
  return { to: 'publisher', notice: { kind: 'streamClosed', streamId, error } };
}

interface Open {
  state: StreamState;
  readonly idleTimeoutMs: number;
  /** Monotonic milliseconds. Updated whenever the publisher sends for the stream; the timer is set again only when it fires, which costs less. */
  idleAtMs: number;
  cancelTimer: () => void;
}

/** The streams that one session has open. They stay open while it is suspended. [client-protocols 4.8] */
export class Streams {
  readonly #open = new Map<string, Open>();
  readonly #clock: Clock;
  readonly #emit: (output: StreamOutput) => Publication;

  constructor(clock: Clock, emit: (output: StreamOutput) => Publication) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Opens the streams of a session that goes on. @param sinceMs monotonic: when the durations in the records began to count */
  restore(records: readonly StreamRecord[], sinceMs: number): void {
    for (const { streamId, group, noEcho, expected, idleTimeoutMs, idleInMs } of records) {
      const state = { streamId, group, noEcho, expected: BigInt(expected) };
      const idleAtMs = sinceMs + idleInMs;
      const open = { state, idleTimeoutMs, idleAtMs, cancelTimer: () => {} };
      this.#open.set(streamId, open);
      this.#watch(open);
    }
  }

  record(): StreamRecord[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#open.values()].map(({ state, idleTimeoutMs, idleAtMs }) => ({
      ...state,
      expected: `${state.expected}`,
      idleTimeoutMs,
      idleInMs: idleAtMs - nowMs,
    }));
  }

  /** They go on elsewhere: nothing is sent. */
  abandon(): void {
    for (const open of [...this.#open.values()]) this.#forget(open);
  }

  /** Opens a stream, or closes it at once when it may not be. `isAllowed`: the publisher may send to the group. [client-protocols D20] */
  start(request: ActOf<'streamStart'>, isAllowed: boolean): void {
    const { streamId, group, noEcho, idleTimeoutMs = defaultIdleTimeoutMs } = request;
    const refusal = this.#refusalOf(request, isAllowed);
    if (refusal !== undefined) {
      this.#emit(closed(streamId, refusal));
      return;
    }
    const state = { streamId, group, noEcho, expected: 1n };
    const open = { state, idleTimeoutMs, idleAtMs: 0, cancelTimer: () => {} };
    this.#open.set(streamId, open);
    this.#advance(open, { kind: 'start' });
    if (this.#open.get(streamId) === open) this.#watch(open);
  }

  data({ streamId, fragment }: ActOf<'streamData'>): void {
    this.#input(streamId, fragment === undefined ? { kind: 'keepAlive' } : { kind: 'fragment', ...fragment });
  }

  end({ streamId, error }: ActOf<'streamEnd'>): void {
    this.#input(streamId, { kind: 'end', error });
  }

  /** The session has ended: readers of its streams are notified. */
  cancel(): void {
    for (const open of [...this.#open.values()]) this.#advance(open, { kind: 'cancel' });
  }

  #refusalOf(request: ActOf<'streamStart'>, isAllowed: boolean): MessageError | undefined {
    const { streamId, group, idleTimeoutMs } = request;
    if (!isAllowed) return { name: outcomes.forbidden.ack, message: missingPermission('sendToGroup', group) };
    const fault = this.#open.has(streamId)
      ? `stream ${streamId} is open already`
      : this.#open.size >= maxOpenStreams
        ? `${maxOpenStreams} streams are open already`
        : idleTimeoutMs === 0
          ? 'idleTimeoutMs must be above 0'
          : undefined;
    return fault === undefined ? undefined : { name: outcomes.invalid.ack, message: fault };
  }

  #input(streamId: string, input: StreamInput): void {
    const open = this.#open.get(streamId);
    if (open !== undefined) this.#advance(open, input);
    else this.#emit(closed(streamId, { name: 'StreamNotFound', message: `no stream ${streamId} is open` }));
  }

  /** The state is changed before anything is sent: a message that overflows its own publisher ends the session at once. */
  #advance(open: Open, input: StreamInput): void {
    const { state, isSignOfLife, outputs } = step(open.state, input);
    if (isSignOfLife) open.idleAtMs = this.#clock.monotonicMs() + open.idleTimeoutMs;
    if (state !== undefined) open.state = state;
    else this.#forget(open);
    for (const output of outputs) {
      if (this.#emit(output) === 'accepted') continue;
      this.#abort(open); // what a reader has not got would be missing in the middle
      return;
    }
  }

  #abort(open: Open): void {
    this.#forget(open);
    const { ack: name } = outcomes.unknown;
    this.#emit(closed(open.state.streamId, { name, message: notAccepted().publicText }));
  }

  #forget(open: Open): void {
    open.cancelTimer();
    this.#open.delete(open.state.streamId);
  }

  #watch(open: Open): void {
    const waitMs = open.idleAtMs - this.#clock.monotonicMs();
    open.cancelTimer = this.#clock.after(waitMs, () => {
      if (this.#clock.monotonicMs() < open.idleAtMs) this.#watch(open);
      else this.#advance(open, { kind: 'idle' });
    });
  }
}
