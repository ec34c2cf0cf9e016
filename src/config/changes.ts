import { type App, settingsOf } from './apps.js';
import type { Config, HubConfig } from './config.js';
import type { AppSettings } from './schema/hubs-file.js';

/** How two configurations differ, for the log. No text of the file is in it: it may hold secrets. */
export interface Changes {
  /** `hub news added`, `app 42: webhooks`, `limits.maxConnections 10 → 20`; empty when they are the same. */
  readonly lines: readonly string[];
  /** Changes that admit clients which were refused, or needed the approval of a `connect` handler, before. */
  readonly openings: readonly string[];
}

type Tree = Readonly<Record<string, unknown>>;

const keptUntilRestart: readonly string[] = ['queue', 'cluster'];

/** The differences between two configurations, by what is in their files. */
export function changesOf(before: Config, after: Config): Changes {
  const [old, next] = [mapping(before.source.tree), mapping(after.source.tree)];
  const [oldHubs, nextHubs] = [hubsOf(old), hubsOf(next)];
  const names = [...new Set([...before.hubs.keys(), ...after.hubs.keys()])];
  return {
    lines: [
      ...names.flatMap(name => hubLine(name, before, after, mapping(oldHubs.get(name)), mapping(nextHubs.get(name)))),
      ...keysOf(old, next)
        .filter(section => section !== 'hubs' && section !== 'apps')
        .flatMap(section => sectionLines(section, mapping(old[section]), mapping(next[section]))),
      ...appLines(appsOf(old), appsOf(next)),
    ],
    openings: [
      ...names.flatMap(name => openingsOf(name, before.hubs.get(name), after.hubs.get(name))),
      ...after.apps.all().flatMap(app => appOpeningsOf(before.apps.findById(app.id), app)),
    ],
  };
}

function hubLine(name: string, before: Config, after: Config, old: Tree, next: Tree): string[] {
  const [was, is] = [before.hubs.get(name), after.hubs.get(name)];
  if (was === undefined) return [`hub ${is?.name} added`];
  if (is === undefined) return [`hub ${was.name} removed`];
  const changed = keysOf(old, next).flatMap(key => changeOf(key, old[key], next[key]));
  return changed.length === 0 ? [] : [`hub ${is.name}: ${changed.join(', ')}`];
}

function sectionLines(section: string, old: Tree, next: Tree): string[] {
  const lines = keysOf(old, next).flatMap(key => changeOf(`${section}.${key}`, old[key], next[key]));
  return keptUntilRestart.includes(section) ? lines.map(line => `${line} (effective after a restart)`) : lines;
}

function appLines(old: ReadonlyMap<string, Tree>, next: ReadonlyMap<string, Tree>): string[] {
  return [...new Set([...old.keys(), ...next.keys()])].flatMap(id => {
    const [was, is] = [old.get(id), next.get(id)];
    if (was === undefined) return [`app ${id} added`];
    if (is === undefined) return [`app ${id} removed`];
    const changed = keysOf(was, is).flatMap(key => changeOf(key, was[key], is[key]));
    return changed.length === 0 ? [] : [`app ${id}: ${changed.join(', ')}`];
  });
}

/** By id. Settings are compared wherever in the app they stand. */
function appsOf({ apps }: Tree): ReadonlyMap<string, Tree> {
  const list = (apps ?? []) as readonly AppSettings[];
  return new Map(list.map(app => [app.id, settingsOf(app)]));
}

/** Numbers, booleans and what is left out are shown. */
function changeOf(name: string, old: unknown, next: unknown): string[] {
  if (JSON.stringify(old) === JSON.stringify(next)) return [];
  const shown = [old, next].map(shownValue);
  return shown.includes(undefined) ? [name] : [`${name} ${shown.join(' → ')}`];
}

function shownValue(value: unknown): string | undefined {
  if (value === undefined || value === null) return 'default';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function openingsOf(name: string, was: HubConfig | undefined, is: HubConfig | undefined): string[] {
  const hub = `hub ${is?.name ?? was?.name ?? name}`;
  const found: string[] = [];
  if (is?.anonymousConnectPolicy === 'allow' && was?.anonymousConnectPolicy !== 'allow') {
    found.push(`${hub}: clients may connect without a token now`);
  }
  if (takesConnect(was) && !takesConnect(is)) {
    found.push(
      `${hub}: no event handler receives \`connect\` any more, so every client with a valid token is admitted`,
    );
  }
  return found;
}

function appOpeningsOf(was: App | undefined, is: App): string[] {
  if (was?.connectHub === undefined || is.connectHub !== undefined) return [];
  return [
    `app ${is.id}: no event handler receives \`connect\` of its clients any more, so every client with a key is admitted`,
  ];
}

function takesConnect(hub: HubConfig | undefined): boolean {
  return hub?.eventHandlers.some(({ systemEvents }) => systemEvents.includes('connect')) ?? false;
}

/** By name in lower case: hub names ignore case. */
function hubsOf(file: Tree): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(mapping(file.hubs)).map(([name, settings]) => [name.toLowerCase(), settings]));
}

function keysOf(old: Tree, next: Tree): string[] {
  return [...new Set([...Object.keys(old), ...Object.keys(next)])];
}

function mapping(value: unknown): Tree {
  return typeof value === 'object' && value !== null ? (value as Tree) : {};
}
