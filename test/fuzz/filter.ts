import { PubSubError } from '../../src/errors.js';
import { type ConnectionFilter, compileFilter, type FilterSubject } from '../../src/filter/filter.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const subjects: readonly FilterSubject[] = [
  { id: '', userId: undefined, groups: new Set(), subprotocol: undefined },
  { id: 'c1', userId: 'ann', groups: new Set(['red', 'blue']), subprotocol: 'json.webpubsub.azure.v1' },
  { id: '0123456789', userId: '', groups: new Set(['']), subprotocol: undefined },
];

/** Any text is a filter or PubSubError `invalid`; a filter answers for any connection, and the same each time. */
export const target: FuzzTarget = {
  name: 'filter',
  corpus: [
    "userId eq 'ann'",
    "'red' in groups or 'blue' in groups and not ('red' in groups)",
    "userId in ('Doe, John','O''Brien',,null,-1,tolower(connectionId))",
    "substring(userId,3,2) eq '-7' and length(groups) ge 1 or not(length(userId) lt 100)",
    "startswith(userId,'B') or endswith(protocol,'v1') or contains(connectionId,'c') and true ne false",
    "indexof(trim(concat(toupper(userId),'!')),'-') le -2147483648",
    "groups/any(g: g eq 'x') add 3000000000 gt 1.5 has duration'PT1S' @p",
    `${'('.repeat(100)}null${')'.repeat(100)} eq null`,
    `${'not '.repeat(300)}true${' and true'.repeat(300)}`,
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const filter = compiled(bytes.toString('utf8'));
    if (filter === undefined) return;
    for (const subject of subjects) {
      const verdict = filter(subject);
      if (typeof verdict !== 'boolean') throw new RuleBroken(`the filter answers ${String(verdict)}`);
      if (filter(subject) !== verdict) throw new RuleBroken('the filter changes its mind');
    }
  },
};

function compiled(text: string): ConnectionFilter | undefined {
  try {
    return compileFilter(text);
  } catch (error) {
    if (!(error instanceof PubSubError) || error.kind !== 'invalid') throw error;
    if (error.message.length > 8192) throw new RuleBroken('the message is longer than 8192 characters');
    return undefined;
  }
}
