import { PubSubError } from '../../errors.js';
import { printable } from '../printable.js';
import { request } from '../requests.js';
import { readSecret } from '../secrets.js';
import { type Environment, parseAdminUrl } from '../settings.js';
import {
  type HubProperties,
  type HubResource,
  type HubStore,
  pathParameters,
  type ResourceNames,
  refusalText,
} from './hub-store.js';

/** The newest one, so that no setting is left out. [management 1.3] */
const apiVersion = '2026-03-01-preview';

const hint = 'is the service running, with its admin listener there? Set its URL with --admin or HUBWIRE_ADMIN_URL';

/** Where and as whom the management API is called. */
export interface ManagementArguments extends ResourceNames {
  readonly admin?: string;
  readonly debug?: boolean;
}

/** What `az` calls keys of the service. [management 1.3] */
export interface ServiceKeys {
  readonly primaryKey: string;
  readonly secondaryKey: string | null;
  readonly primaryConnectionString: string;
  readonly secondaryConnectionString: string | null;
}

interface ErrorBody {
  readonly error?: { readonly message?: string; readonly details?: readonly { target?: string; message?: string }[] };
}

/** The URL of the admin listener, without a slash at its end; undefined when neither flag nor variable names one. */
export function adminUrlOf({ admin }: ManagementArguments, env: Environment): string | undefined {
  const text = admin ?? (env.HUBWIRE_ADMIN_URL || undefined);
  if (text === undefined) return undefined;
  return parseAdminUrl({ text, name: admin === undefined ? 'HUBWIRE_ADMIN_URL' : '--admin' });
}

/** The management API of a running service. Errors are those that it answers. [management 1.2] */
export class ManagementClient implements HubStore {
  readonly effect = 'the running service took it over';
  readonly #base: string;
  readonly #token: string;
  readonly #isShown: boolean;

  /** @throws PubSubError `invalid` without an admin token */
  constructor(url: string, args: ManagementArguments, env: Environment) {
    const token = readSecret(env, 'HUBWIRE_ADMIN_TOKEN');
    if (token === undefined) {
      throw new PubSubError(
        'invalid',
        `the management API at ${url} needs the admin token of the service: set HUBWIRE_ADMIN_TOKEN or HUBWIRE_ADMIN_TOKEN_FILE`,
      );
    }
    this.#base = `${url}${servicePath(args)}`;
    this.#token = token.text;
    this.#isShown = args.debug === true;
  }

  async list(): Promise<readonly HubResource[]> {
    const { value } = (await this.#json('GET', '/hubs')) as { value: readonly HubResource[] };
    return value;
  }

  async get(name: string): Promise<HubResource | undefined> {
    const response = await this.#send('GET', hubPath(name));
    const text = await response.text();
    if (response.status === 404 && refusalOf(text) !== undefined) return undefined;
    return answerOf(response, text) as HubResource;
  }

  async put(name: string, properties: HubProperties): Promise<HubResource> {
    const hub = (await this.#json('PUT', hubPath(name), { properties })) as HubResource;
    const { provisioningState: _, ...stored } = hub.properties; // only the answer to a PUT has it
    return { ...hub, properties: stored };
  }

  async delete(name: string): Promise<boolean> {
    const response = await this.#send('DELETE', hubPath(name));
    await bodyOf(response);
    return response.status !== 204;
  }

  async keys(): Promise<ServiceKeys> {
    return (await this.#json('POST', '/listKeys')) as ServiceKeys;
  }

  /** @param keyType `Primary`, `Secondary` or `Salt` */
  async regenerateKey(keyType: string): Promise<ServiceKeys> {
    return (await this.#json('POST', '/regenerateKey', { keyType })) as ServiceKeys;
  }

  async #json(method: string, path: string, body?: object): Promise<unknown> {
    return bodyOf(await this.#send(method, path, body));
  }

  #send(method: string, path: string, body?: object): Promise<Response> {
    return request({
      method,
      url: `${this.#base}${path}?api-version=${apiVersion}`,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      hint,
      isShown: this.#isShown,
    });
  }
}

function servicePath(names: ResourceNames): string {
  const { sub, rg, name } = pathParameters(names);
  const [group, service] = [rg, name].map(encodeURIComponent);
  return `/subscriptions/${sub}/resourceGroups/${group}/providers/Microsoft.SignalRService/webPubSub/${service}`;
}

function hubPath(name: string): string {
  return `/hubs/${encodeURIComponent(name)}`;
}

/** @throws PubSubError `invalid` with what the service answered, in one line */
async function bodyOf(response: Response): Promise<unknown> {
  return answerOf(response, await response.text());
}

/** @throws PubSubError `invalid` */
function answerOf({ ok, status, url }: Response, text: string): unknown {
  const { origin } = new URL(url);
  if (ok) return text === '' ? undefined : (jsonOf(text) ?? refuse(`${origin} did not answer with JSON; ${otherUrl}`));
  const refusal = refusalOf(text);
  if (refusal === undefined) {
    refuse(`${origin} answered ${status}, and not as the management API does; ${otherUrl}`);
  }
  refuse(`the service answered ${status}: ${withAdvice(printable(refusal), status)}`);
}

const otherUrl = 'is it the admin listener of a Hubwire service? Set its URL with --admin or HUBWIRE_ADMIN_URL';

function refuse(message: string): never {
  throw new PubSubError('invalid', message);
}

/** What the management API says; undefined: it was not the one that answered. */
function refusalOf(text: string): string | undefined {
  const { message, details } = (jsonOf(text) as ErrorBody | undefined)?.error ?? {};
  return message === undefined ? undefined : refusalText(message, details);
}

const adviceFor: Readonly<Record<number, string>> = {
  401: 'HUBWIRE_ADMIN_TOKEN must be the one of the service',
  403: 'use the admin token of the service, not its read token',
};

/** With what to do as a last clause. */
function withAdvice(reason: string, status: number): string {
  const advice = adviceFor[status];
  return advice === undefined ? reason : `${reason.replace(/\.$/, '')}; ${advice}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // said by the caller, with the status
  }
}
