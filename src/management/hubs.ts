import { type HubsFileEditor, InvalidHubError } from '../config/edit/hubs-file-editor.js';
import { PubSubError } from '../errors.js';
import { ApiFailure } from './failures.js';
import { changeOf, resourceOf } from './hub-shapes.js';
import type { Answer, Call, Operation } from './operation.js';
import { resourcePath } from './paths.js';

const hubsPath = `${resourcePath}/hubs`;
const hubPath = `${hubsPath}/:hub`;

/** Hubs of hubs.yaml: listed, read, written, removed. [management 1.2, 1.7] */
export function hubOperations(editor: () => HubsFileEditor): readonly Operation[] {
  return [
    { method: 'GET', path: hubsPath, name: 'listHubs', run: call => listHubs(editor(), call) },
    { method: 'GET', path: hubPath, name: 'getHub', run: call => getHub(editor(), call) },
    { method: 'PUT', path: hubPath, name: 'putHub', run: call => putHub(editor(), call) },
    { method: 'DELETE', path: hubPath, name: 'deleteHub', run: call => deleteHub(editor(), call) },
  ];
}

async function listHubs(editor: HubsFileEditor, { params, apiVersion }: Call): Promise<Answer> {
  const hubs = await editor.list();
  return { status: 200, body: { value: hubs.map(hub => resourceOf(hub, params, apiVersion)) } };
}

async function getHub(editor: HubsFileEditor, { params, apiVersion }: Call): Promise<Answer> {
  const hub = await editor.get(nameOf(params));
  if (hub === undefined) throw new PubSubError('notFound', `There is no hub ${JSON.stringify(nameOf(params))}.`);
  return { status: 200, body: resourceOf(hub, params, apiVersion) };
}

async function putHub(editor: HubsFileEditor, { params, apiVersion, body }: Call): Promise<Answer> {
  try {
    const { hub, isNew } = await editor.update(nameOf(params), current => changeOf(body, current, apiVersion));
    return { status: isNew ? 201 : 200, body: resourceOf(hub, params, apiVersion) };
  } catch (error) {
    throw error instanceof InvalidHubError ? refusalOf(error) : error;
  }
}

async function deleteHub(editor: HubsFileEditor, { params }: Call): Promise<Answer> {
  return { status: (await editor.delete(nameOf(params))) ? 200 : 204 };
}

function nameOf({ hub = '' }: Call['params']): string {
  return hub;
}

/** In the words of the file, at the places of the body. */
function refusalOf({ problems }: InvalidHubError): ApiFailure {
  return ApiFailure.ofContent(
    problems.map(({ path, reason }) => ({ message: reason, target: path === '' ? 'name' : `properties.${path}` })),
  );
}
