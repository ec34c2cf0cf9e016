import { UsageError } from '../usage-error.js';

/** A step of a property's path: a name, a place in a list, or the item of a list that has this value. */
export type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'match'; readonly name: string; readonly value: string };

const step = /\.?([^.[\]=]+)|\[(\d+)\]|\[([^=[\]]+)=([^\]]*)\]/y;

/** `properties.eventHandlers[0].urlTemplate`, or `…eventHandlers[userEventPattern=*]`. @throws UsageError */
export function pathOf(text: string, flag: string): readonly Step[] {
  const steps: Step[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < text.length) {
    const found = step.exec(text);
    if (found === null)
      throw new UsageError(`${flag} ${text}: this is no path such as properties.eventHandlers[0].urlTemplate`);
    const [, name, index, matchName, value] = found;
    if (name !== undefined) steps.push({ kind: 'name', name });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else steps.push({ kind: 'match', name: matchName ?? '', value: value ?? '' });
  }
  return steps;
}

/** `PATH=VALUE`, split at the first `=` that is not within brackets. @throws UsageError */
export function assignmentOf(text: string, flag: string): { readonly path: string; readonly value: string } {
  const found = /^((?:[^[\]=]|\[[^\]]*\])+)=(.*)$/s.exec(text);
  if (found === null) throw new UsageError(`${flag} ${text}: write it as PATH=VALUE`);
  return { path: found[1] ?? '', value: found[2] ?? '' };
}

/** JSON where the text is JSON, otherwise the text. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
