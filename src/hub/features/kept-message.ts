import type { DataMessage } from '../../protocols/messages.js';

/** The message of a group that is kept for those who join later. */
export interface KeptMessage {
  readonly message: DataMessage;
  /** Unix milliseconds: of several nodes' messages the latest counts. */
  readonly atMs: number;
  /** For which it is still kept. */
  readonly ttlMs: number;
}

/** Of several nodes' answers, of which each has none or one: the latest, if any. */
export function latestMessage(answers: readonly (readonly KeptMessage[])[]): readonly KeptMessage[] {
  let latest: readonly KeptMessage[] = [];
  for (const answer of answers) if ((answer[0]?.atMs ?? -1) >= (latest[0]?.atMs ?? 0)) latest = answer;
  return latest;
}
