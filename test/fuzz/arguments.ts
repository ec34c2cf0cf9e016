import { groupArguments, valuesOf } from '../../src/cli/argument-groups.js';
import { type Change, changed } from '../../src/cli/hub/changes.js';
import { eventHandlerOf } from '../../src/cli/hub/event-handler.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { type FuzzTarget, RuleBroken } from './fuzz-target.js';

const hub = {
  id: '/h',
  name: 'chat',
  type: 't',
  properties: { eventHandlers: [{ urlTemplate: 'http://h', userEventPattern: '*' }], anonymousConnectPolicy: 'deny' },
};
const before = JSON.stringify(hub);
const flags = ['--event-handler', '--set', '--add', '--remove'];

/** Grouping loses no argument and changes none; items of groups are a handler, a changed hub, or a mistake that is told. */
export const target: FuzzTarget = {
  name: 'arguments',
  corpus: [
    'hub create --hub-name x --event-handler url-template=http://a/?b=c user-event-pattern=* --event-handler url-template=b system-event=connect system-event=connected auth-type=ManagedIdentity auth-resource=uri://x -o json',
    'hub update --event-handler=url-template=a -- --event-handler b',
    'hub update --set properties.eventHandlers[0].urlTemplate=x properties.a.b=1 --add properties.eventHandlers urlTemplate=x --remove properties.eventHandlers 0',
    'hub update --set properties.eventHandlers[urlTemplate=http://h].auth={"type":"None"} --add properties.list {"a":1} 2 --remove properties.anonymousConnectPolicy',
    'hub update --set properties.__proto__.a=1 properties.constructor.b=2 --remove properties.__proto__',
    '--set --set --add',
  ].map(text => Buffer.from(text)),
  run(bytes) {
    const args = bytes
      .toString('utf8')
      .replaceAll('\0', '')
      .split(' ')
      .filter(arg => arg !== '');
    const grouped = groupArguments(args);
    if (!isSame(args, grouped)) throw new RuleBroken('an argument is lost or changed');
    grouped.forEach((arg, index) => {
      const flag = flags.find(each => each === grouped[index - 1]);
      if (flag !== undefined) read(flag, valuesOf(arg));
    });
    if (JSON.stringify(hub) !== before) throw new RuleBroken('the hub itself is changed');
    if ('a' in {} || 'b' in {}) throw new RuleBroken('a prototype is changed');
  },
};

/** Are they the same but for where values are divided, and for the equals sign behind a flag? */
function isSame(args: readonly string[], grouped: readonly string[]): boolean {
  const end = args.indexOf('--');
  const tailLength = end < 0 ? 0 : args.length - end;
  const wanted = args.slice(0, args.length - tailLength).flatMap(arg => {
    const flag = flags.find(each => arg.startsWith(`${each}=`));
    return flag === undefined ? [arg] : [flag, arg.slice(flag.length + 1)];
  });
  const found = grouped.slice(0, grouped.length - tailLength).flatMap(arg => valuesOf(arg));
  const tails = [args, grouped].map(each => each.slice(each.length - tailLength).join(' '));
  return JSON.stringify(found) === JSON.stringify(wanted) && (tailLength === 0 || tails[0] === tails[1]);
}

function read(flag: string, values: readonly string[]): void {
  try {
    if (flag === '--event-handler') {
      const { urlTemplate } = eventHandlerOf(values);
      if (urlTemplate === '') throw new RuleBroken('a handler has no URL');
    } else {
      JSON.stringify(changed(hub, [{ flag: flag as Change['flag'], values }], false));
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
}
