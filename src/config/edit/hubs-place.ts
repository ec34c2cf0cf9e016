import type { Clock } from '../../clock.js';
import { PubSubError } from '../../errors.js';
import type { SharedHubs } from '../shared-hubs.js';
import { lockOf } from './edit-lock.js';
import { codeOf, readIfThere, replaceFile, targetOf } from './replace-file.js';

/** Where an edited hubs.yaml is kept. Edits of other processes wait until it is released. */
export interface HubsPlace {
  /** Undefined: there is none yet. */
  readonly text: string | undefined;
  /** @throws as a rejection: PubSubError `conflict` when it was changed at the same time, or cannot be written */
  replace(text: string): Promise<void>;
  release(): void;
}

/** @throws PubSubError `conflict` when the file cannot be edited */
export async function filePlace(file: string, clock: Clock): Promise<HubsPlace> {
  const target = await targetOf(file);
  const lock = await lockOf(target, clock);
  try {
    const { bytes, text } = await readHubs(target, file);
    return {
      text,
      replace: after => replaceFile(target, bytes, Buffer.from(withMark(after, bytes))),
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What others write meanwhile is noticed when it is replaced. */
export function sharedPlace(shared: SharedHubs): HubsPlace {
  const { text } = shared;
  return { text, replace: after => shared.replace(text, after), release: () => {} };
}

/** @param name of the file, for messages @throws PubSubError `conflict` */
export async function readHubs(
  file: string,
  name = file,
): Promise<{ readonly bytes: Buffer | undefined; readonly text: string | undefined }> {
  try {
    const bytes = await readIfThere(file);
    return { bytes, text: bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    throw new PubSubError('conflict', `${name} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

function withMark(text: string, before: Buffer | undefined): string {
  const hasMark = before !== undefined && before[0] === 0xef && before[1] === 0xbb && before[2] === 0xbf;
  return hasMark ? `\uFEFF${text}` : text;
}
