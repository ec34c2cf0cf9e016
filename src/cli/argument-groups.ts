/** Arguments cannot contain it, so it can stand between the values of one occurrence. */
const separator = '\0';

/** Flags that take all values up to the next flag, each time that they are given. `az` has them so. */
const groupedFlags: readonly string[] = ['--event-handler', '--set', '--add', '--remove'];

/**
 * Makes one value of the values of each occurrence: commander would make one list of those of all occurrences. Read them
 * with `valuesOf`. [MG-053]
 */
export function groupArguments(args: readonly string[]): string[] {
  const grouped: string[] = [];
  let index = 0;
  while (index < args.length) {
    const arg = args[index]!;
    if (arg === '--') return [...grouped, ...args.slice(index)];
    const flag = groupedFlags.find(each => arg === each || arg.startsWith(`${each}=`));
    index += 1;
    if (flag === undefined) {
      grouped.push(arg);
      continue;
    }
    const end = endOfValues(args, index);
    const inline = arg === flag ? [] : [arg.slice(flag.length + 1)];
    const values = [...inline, ...args.slice(index, end)];
    grouped.push(flag, ...(values.length === 0 ? [] : [values.join(separator)]));
    index = end;
  }
  return grouped;
}

/** The values of one occurrence of a grouped flag. */
export function valuesOf(group: string): readonly string[] {
  return group.split(separator);
}

function endOfValues(args: readonly string[], start: number): number {
  const length = args.slice(start).findIndex(arg => arg.startsWith('-'));
  return length < 0 ? args.length : start + length;
}
