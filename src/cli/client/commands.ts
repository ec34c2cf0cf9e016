import { nearestWord } from '../../config/did-you-mean.js';
import { UsageError } from '../usage-error.js';
import type { Command } from './dialect.js';

export const usage = [
  'help                    print this',
  'joingroup GROUP         join a group',
  'leavegroup GROUP        leave it',
  'sendtogroup GROUP TEXT  send a text to a group',
  'event NAME TEXT         send an event to the app server',
];

const verbs = ['help', 'joingroup', 'leavegroup', 'sendtogroup', 'event'];

/** What was typed; `help` and empty lines are undefined. @throws UsageError */
export function commandOf(line: string): Command | 'help' | undefined {
  const [, word = '', rest = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(line) ?? [];
  const verb = word.toLowerCase();
  if (verb === '') return undefined;
  if (verb === 'help') return 'help';
  if (!verbs.includes(verb)) throw unknown(word);
  if (verb === 'joingroup' || verb === 'leavegroup') return { verb, group: needed(rest, `${verb} GROUP`) };
  const [, name = '', text = ''] = /^(\S+)\s+(.+)$/s.exec(rest) ?? [];
  if (verb === 'event') return { verb, event: needed(name, 'event NAME TEXT'), text };
  return { verb: 'sendtogroup', group: needed(name, 'sendtogroup GROUP TEXT'), text };
}

function needed(text: string, form: string): string {
  if (text === '') throw new UsageError(`write it as: ${form}`);
  return text;
}

function unknown(word: string): UsageError {
  const near = nearestWord(word, verbs);
  return new UsageError(
    `unknown command "${word}"; ${near === undefined ? 'help lists the commands' : `did you mean ${near}?`}`,
  );
}
