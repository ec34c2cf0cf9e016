import { resolve } from 'node:path';
import { systemClock } from '../../clock.js';
import { HubsFileEditor } from '../../config/edit/hubs-file-editor.js';
import { PubSubError } from '../../errors.js';
import { apiVersions } from '../../management/api-version.js';
import { ApiFailure } from '../../management/failures.js';
import { hubOperations } from '../../management/hubs.js';
import type { Answer, Operation } from '../../management/operation.js';
import { shortPath } from '../invocation.js';
import type { Environment } from '../settings.js';
import {
  type HubProperties,
  type HubResource,
  type HubStore,
  pathParameters,
  type ResourceNames,
  refusalText,
} from './hub-store.js';

/** A hubs.yaml, edited by the operations that a service performs: results are the same either way. [MG-051] */
export class FileStore implements HubStore {
  readonly effect: string;
  readonly #names: ResourceNames;
  readonly #operations: readonly Operation[];

  constructor(file: string, names: ResourceNames, env: Environment) {
    const path = resolve(file);
    const editor = new HubsFileEditor({ file: path, env, clock: systemClock });
    this.#names = names;
    this.#operations = hubOperations(() => editor);
    this.effect = `saved in ${shortPath(path)}; start the service if none runs`;
  }

  async list(): Promise<readonly HubResource[]> {
    const { body } = await this.#run('listHubs', '');
    return (body as { readonly value: readonly HubResource[] }).value;
  }

  async get(name: string): Promise<HubResource | undefined> {
    try {
      return (await this.#run('getHub', name)).body as HubResource;
    } catch (error) {
      if (error instanceof PubSubError && error.kind === 'notFound') return undefined;
      throw error;
    }
  }

  async put(name: string, properties: HubProperties): Promise<HubResource> {
    return (await this.#run('putHub', name, { properties })).body as HubResource;
  }

  async delete(name: string): Promise<boolean> {
    return (await this.#run('deleteHub', name)).status !== 204;
  }

  async #run(operation: string, hub: string, body?: object): Promise<Answer> {
    const { run } = this.#operations.find(({ name }) => name === operation)!;
    try {
      const params = { ...pathParameters(this.#names), hub };
      return await run({ params, apiVersion: apiVersions.at(-1)!, body, tenantId: undefined });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      throw new PubSubError('invalid', refusalText(error.message, error.more.details), { cause: error });
    }
  }
}
