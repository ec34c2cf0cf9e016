import { nearestWord } from '../../config/did-you-mean.js';
import { UsageError } from '../usage-error.js';
import type { HubResource } from './hub-store.js';
import { assignmentOf, jsonOrText, pathOf, type Step } from './path.js';

/** One `--set`, `--add` or `--remove` of `hub update`, in the order in which they were given. */
export interface Change {
  readonly flag: '--set' | '--add' | '--remove';
  readonly values: readonly string[];
}

type Tree = Record<string, unknown> | unknown[];

/** `name` addresses the hub, and the others follow from it. */
const changeable = 'properties';

/** The hub with the changes made, as `az … update` makes them. @throws UsageError for a path that leads nowhere */
export function changed(hub: HubResource, changes: readonly Change[], forcesText: boolean): HubResource {
  const copy = structuredClone(hub) as HubResource & Record<string, unknown>;
  const read = forcesText ? (text: string) => text : jsonOrText;
  for (const { flag, values } of changes) {
    if (flag === '--set') for (const text of values) set(copy, text, read);
    else if (flag === '--add') add(copy, values, read);
    else remove(copy, values);
  }
  return copy;
}

function set(hub: Tree, text: string, read: (text: string) => unknown): void {
  const { path, value } = assignmentOf(text, '--set');
  const { parent, last } = placeOf(hub, path, '--set');
  put(parent, last, read(value), `--set ${path}`);
}

/** Values are one JSON text, or the `key=value` of one object. */
function add(hub: Tree, [path = '', ...items]: readonly string[], read: (text: string) => unknown): void {
  if (items.length === 0)
    throw new UsageError(`--add ${path}: nothing to add is given; write KEY=VALUE … or JSON after the path`);
  const { parent, last } = placeOf(hub, path, '--add');
  const list = childOf(parent, last, `--add ${path}`) ?? [];
  if (!Array.isArray(list)) throw new UsageError(`--add ${path}: this is no list; change it with --set`);
  const pairs = items.filter(item => /^[\w.-]+=/.test(item));
  const added =
    pairs.length === items.length
      ? [
          Object.fromEntries(
            items.map(item => [item.slice(0, item.indexOf('=')), read(item.slice(item.indexOf('=') + 1))]),
          ),
        ]
      : items.map(read);
  put(parent, last, [...list, ...added], `--add ${path}`);
}

function remove(hub: Tree, [path = '', index, ...rest]: readonly string[]): void {
  const where = `--remove ${path}`;
  if (path === '' || rest.length > 0)
    throw new UsageError(`${where}: write it as --remove PATH, or --remove LIST INDEX`);
  const full = index === undefined ? path : `${path}[${index}]`;
  const { parent, last } = placeOf(hub, full, '--remove');
  if (childOf(parent, last, where) === undefined) throw nowhere(parent, last, where);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last, where), 1);
  else delete parent[(last as Step & { kind: 'name' }).name];
}

/** The object or list that the path's last step is taken in. */
function placeOf(hub: Tree, path: string, flag: string): { readonly parent: Tree; readonly last: Step } {
  const steps = pathOf(path, flag);
  const last = steps.at(-1);
  const [first] = steps;
  const where = `${flag} ${path}`;
  if (last === undefined || first?.kind !== 'name' || first.name !== changeable) throw notChangeable(first, where);
  let parent = hub;
  for (const step of steps.slice(0, -1)) parent = below(parent, step, where);
  return { parent, last };
}

/** A list or an object that is not there yet is an object to be filled, as `auth` of a handler without one. */
function below(parent: Tree, step: Step, where: string): Tree {
  const child = childOf(parent, step, where);
  if (typeof child === 'object' && child !== null) return child as Tree;
  if (child !== undefined && child !== null)
    throw new UsageError(`${where}: ${nameOf(step)} is a plain value, which has nothing below it`);
  if (step.kind !== 'name') throw nowhere(parent, step, where);
  const made = {};
  put(parent, step, made, where);
  return made;
}

function childOf(parent: Tree, step: Step, where: string): unknown {
  if (step.kind === 'name') {
    if (Array.isArray(parent))
      throw new UsageError(`${where}: a list has no property "${step.name}"; choose an item: [0]`);
    return Object.hasOwn(parent, step.name) ? parent[step.name] : undefined;
  }
  if (!Array.isArray(parent)) throw new UsageError(`${where}: what stands before the bracket is no list`);
  return parent[indexIn(parent, step, where)];
}

function put(parent: Tree, step: Step, value: unknown, where: string): void {
  if (step.kind === 'name' && !Array.isArray(parent)) {
    Object.defineProperty(parent, step.name, { value, enumerable: true, configurable: true, writable: true });
    return;
  }
  childOf(parent, step, where);
  (parent as unknown[])[indexIn(parent as unknown[], step, where)] = value;
}

function indexIn(list: readonly unknown[], step: Step, where: string): number {
  const index =
    step.kind === 'index'
      ? step.index
      : list.findIndex(
          item => step.kind === 'match' && String((item as Record<string, unknown> | null)?.[step.name]) === step.value,
        );
  if (index >= 0 && index < list.length) return index;
  const has = list.length === 0 ? 'is empty' : `has the places 0 to ${list.length - 1}`;
  throw new UsageError(`${where}: the list has no such item; it ${has}`);
}

function nameOf(step: Step): string {
  return step.kind === 'name' ? `"${step.name}"` : 'the item';
}

function nowhere(parent: Tree, step: Step, where: string): UsageError {
  if (step.kind !== 'name' || Array.isArray(parent)) return new UsageError(`${where}: there is no such item`);
  const names = Object.keys(parent);
  const near = nearestWord(step.name, names);
  const advice = near === undefined ? `there are ${names.join(', ') || 'none'}` : `did you mean ${near}?`;
  return new UsageError(`${where}: there is no property "${step.name}"; ${advice}`);
}

function notChangeable(first: Step | undefined, where: string): UsageError {
  const name = first?.kind === 'name' ? first.name : '';
  return new UsageError(`${where}: only ${changeable}.… of a hub can be changed, not "${name}"`);
}
