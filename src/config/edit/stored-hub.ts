import type { HubSettings } from '../schema/hubs-file.js';
import { settingsAt } from './edit-text.js';
import { isMapping } from './next-change.js';
import type { YamlText } from './yaml-text.js';

/** As written in the file: `${NAME}` may stand in place of any value, and words may be in any letter case. */
export type Stored<T> = T extends readonly (infer Item)[]
  ? readonly Stored<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Stored<T[Key]> }
    : T extends string | number | boolean
      ? T | string
      : T;

export type StoredHubSettings = Stored<HubSettings>;

/** A hub as it stands in the file. */
export interface StoredHub {
  /** As spelled in the file. */
  readonly name: string;
  readonly settings: StoredHubSettings;
}

/** In the order of the file. */
export function hubsIn(yaml: YamlText): readonly StoredHub[] {
  const hubs = settingsAt(yaml, ['hubs']);
  const entries = isMapping(hubs) ? Object.entries(hubs) : [];
  return entries.map(([name, settings]) => ({
    name,
    settings: (isMapping(settings) ? settings : {}) as StoredHubSettings,
  }));
}

/** The name ignores case. */
export function findHub(hubs: readonly StoredHub[], name: string): StoredHub | undefined {
  return hubs.find(hub => hub.name.toLowerCase() === name.toLowerCase());
}
