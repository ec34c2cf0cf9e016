import {
  type JetStreamAccountStats,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import { type NatsConnection, RequestError, TimeoutError } from '@nats-io/transport-node';
import { type Clock, wait } from '../clock.js';

/** Longest wait for the leader of a cluster's JetStream: an election takes 4 to 9 s. [cluster 1.3] */
const electionMs = 15_000;
/** A single server that has it answers soon after its start. */
const startMs = 1_000;
const againMs = 250;
/** Of one request; requests are made again. */
export const requestMs = 2_000;

/** NATS cannot be used as it is set up. The message is one sentence that says what to do. */
export class NatsSetupError extends Error {
  override readonly name = 'NatsSetupError';
}

/** Without a request to the server: whether it has JetStream shows at the first use. */
export function managerOn(connection: NatsConnection): Promise<JetStreamManager> {
  return jetstreamManager(connection, { checkAPI: false, timeout: requestMs });
}

/**
 * Settles once JetStream answers.
 * @returns what the account stores and may store
 * @throws NatsSetupError when the server or the account has none [CL-005]
 */
export async function requireJetStream(connection: NatsConnection, clock: Clock): Promise<JetStreamAccountStats> {
  const manager = await managerOn(connection);
  try {
    return await whileUnanswered(connection, clock, () => manager.getAccountInfo());
  } catch (error) {
    throw setupErrorOf(error, connection);
  }
}

/** Is the server one of a cluster, in which a stream may be on several? */
export function isClustered({ info }: Pick<NatsConnection, 'info'>): boolean {
  return info?.cluster !== undefined;
}

/**
 * Makes a request of JetStream again as long as nobody answers: without a leader it looks as if there were no JetStream, and
 * what two nodes create at the same moment may get no answer.
 */
export async function whileUnanswered<T>(
  connection: NatsConnection,
  clock: Clock,
  request: () => Promise<T>,
): Promise<T> {
  const aloneMs = connection.info?.jetstream === true ? startMs : 0;
  const patienceMs = isClustered(connection) ? electionMs : aloneMs;
  return await repeatWhile(isUnanswered, clock, patienceMs, request);
}

function setupErrorOf(error: unknown, { info }: NatsConnection): NatsSetupError {
  if (!isOff(error)) {
    return new NatsSetupError(
      `JetStream of NATS does not answer (${textOf(error)}): check the permissions of this user.`,
    );
  }
  const server = `${info?.host ?? ''}:${info?.port ?? ''}`;
  const isAccount = info?.jetstream === true;
  return new NatsSetupError(
    isAccount
      ? `The account of this user has no JetStream on NATS at ${server}: add "jetstream: enabled" to the account in the server's configuration.`
      : `NATS at ${server} runs without JetStream: start nats-server with --jetstream and --store_dir FOLDER, or add "jetstream { store_dir: FOLDER }" to its configuration.`,
  );
}

/** Nobody answers, or the account may not use it: the client says the same of both, with the difference as its cause. */
function isOff(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const isForbidden =
    cause instanceof JetStreamApiError && cause.code === JetStreamApiCodes.JetStreamNotEnabledForAccount;
  return isForbidden || isUnattended(error);
}

/** From NATS 2.12 on the second, where another write to the same subject is still on its way. */
const conflicts: readonly number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
];

/** A conditional write was refused: somebody else has written since, or is about to. */
export function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && conflicts.includes(error.code);
}

/** The server knows of no such stream. */
export function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

/** Nobody has answered, as while a stream or JetStream itself has no leader: the same request may be answered soon. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof TimeoutError || isUnattended(error);
}

function isUnattended(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof RequestError && cause.isNoResponders();
}

/** Tries again as long as it fails in this way, for at most this long. */
export async function repeatWhile<T>(
  isTransient: (error: unknown) => boolean,
  clock: Clock,
  patienceMs: number,
  attempt: () => Promise<T>,
): Promise<T> {
  const untilMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || clock.monotonicMs() >= untilMs) throw error;
      await wait(againMs, clock);
    }
  }
}

/** Why a stream has not done something. Of one that is missing, the client says that there is no JetStream. */
export function failureText(error: unknown): string {
  return isUnattended(error)
    ? `the stream is missing, or has no leader: ${textOf((error as Error).cause)}`
    : textOf(error);
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
