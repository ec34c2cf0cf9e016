import { PubSubError } from '../../src/errors.js';
import { type ChannelFilter, type ChannelType, compileFilter, type FilterEntry } from '../../src/webhooks/filters.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const channels = [
  '',
  'orders-7',
  'private-encrypted-cache-a',
  `presence-${'a'.repeat(190)}`,
  '#server-to-user-7',
  'a'.repeat(200),
];

/** A verdict takes time linear in the length of the name: more than this for a name of 200 characters is not. */
const longestMs = 50;

/** Any four lines are the type, prefix, suffix and pattern of a filter or PubSubError `invalid`; a filter answers any channel, soon and always the same. */
export const target: FuzzTarget = {
  name: 'webhook-filter',
  corpus: [
    'presence\npresence-\n-7\n^presence-[a-z]+-\\d{1,3}$',
    'cache\n\n\n(a+)+$',
    'private\n\n\n(?i)^(orders|billing)-(?:[0-9]{4}|x*)*$',
    '\n\n\n\\p{Greek}|[[:alpha:]]|\\Qa.b\\E|(?P<n>a)',
    '\n\n\n(((a{1,100}){1,10}))',
    'encrypted\nprivate-\n\n',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const [type = '', prefix = '', suffix = '', pattern = ''] = bytes.toString('utf8').split('\n');
    const filter = compiled({
      ...(type !== '' && { channel_type: type as ChannelType }),
      ...(prefix !== '' && { channel_prefix: prefix }),
      ...(suffix !== '' && { channel_suffix: suffix }),
      ...(pattern !== '' && { channel_pattern: pattern }),
    });
    if (filter === undefined) return;
    for (const channel of channels) check(filter, channel, prefix);
  },
};

function check(filter: ChannelFilter, channel: string, prefix: string): void {
  const startMs = performance.now();
  const verdict = filter(channel);
  if (typeof verdict !== 'boolean') throw new RuleBroken(`the filter answers ${String(verdict)}`);
  if (verdict && !channel.startsWith(prefix)) throw new RuleBroken('a channel without the prefix passes');
  if (filter(channel) !== verdict) throw new RuleBroken('the filter changes its mind');
  // Measured again before it is believed: the machine may have been busy.
  if (performance.now() - startMs > longestMs && timeOf(filter, channel) > longestMs) {
    throw new RuleBroken(`a verdict takes more than ${longestMs} ms`);
  }
}

function timeOf(filter: ChannelFilter, channel: string): number {
  const startMs = performance.now();
  filter(channel);
  return performance.now() - startMs;
}

function compiled(entry: FilterEntry): ChannelFilter | undefined {
  try {
    return compileFilter(entry);
  } catch (error) {
    if (!(error instanceof PubSubError) || error.kind !== 'invalid') throw error;
    return undefined;
  }
}
