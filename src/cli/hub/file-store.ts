import { relative } from 'node:path';
import type { Environment } from '../settings.js';
import type { HubProperties, HubResource, HubStore, ResourceNames } from './hub-store.js';

/** Stub until the editor is there. */
export class FileStore implements HubStore {
  readonly effect: string;
  constructor(
    private readonly file: string,
    private readonly names: ResourceNames,
    private readonly env: Environment,
  ) {
    this.effect = `written to ${relative(process.cwd(), file)}`;
  }
  async list(): Promise<readonly HubResource[]> {
    return [];
  }
  async get(_name: string): Promise<HubResource | undefined> {
    return undefined;
  }
  async put(_name: string, _properties: HubProperties): Promise<HubResource> {
    throw new Error(`${this.file} ${this.names} ${this.env}`);
  }
  async delete(_name: string): Promise<boolean> {
    return false;
  }
}
