import { clientUrl } from '../../auth/client-url.js';
import { defaultTokenMinutes } from '../../auth/key-tokens.js';
import { nearestWord } from '../../config/did-you-mean.js';
import { isHubName } from '../../protocols/names.js';
import { type DataPlaneArguments, dataPlaneOf } from '../data-plane.js';
import type { Environment } from '../settings.js';
import { UsageError } from '../usage-error.js';
import { lookUp } from '../variables.js';
import type { Command, Dialect } from './dialect.js';
import { Session } from './session.js';

export interface ClientArguments extends DataPlaneArguments {
  readonly hubName?: string;
  readonly userId?: string;
  readonly protocol: string;
  readonly group?: readonly string[];
  readonly role?: readonly string[];
  /** Key of a Pusher app. */
  readonly app?: string;
  readonly hubs?: string;
}

const protocols = ['simple', 'json', 'reliable', 'protobuf', 'pusher'] as const;
const allRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** What a client connects with. */
interface Plan {
  readonly url: string;
  readonly dialect: Dialect;
  /** Sent as soon as it is connected. */
  readonly first: readonly Command[];
}

/**
 * Connects a client; prints each frame on a line of standard output, and sends what is typed. Ends with 0 at the end of
 * standard input, and with 1 when the service closes the connection. [MG-058]
 * @throws UsageError, PubSubError `invalid` when the service is not reached or refuses
 */
export async function startClient(args: ClientArguments, env: Environment): Promise<void> {
  const { url, dialect, first } = args.protocol === 'pusher' ? await pusherPlan(args, env) : await hubPlan(args, env);
  process.exitCode = await new Session(url, dialect, process.stdin).run(first);
}

async function hubPlan(args: ClientArguments, env: Environment): Promise<Plan> {
  const { hubName, userId, group: groups, role: roles = allRoles } = args;
  const dialect = await dialectOf(args.protocol);
  if (hubName === undefined) throw new UsageError('--hub-name is missing: name the hub to connect to');
  if (!isHubName(hubName)) throw new UsageError(`--hub-name: "${hubName}" is not a valid hub name`);
  const { endpoint, tokens } = dataPlaneOf(args, env);
  const url = clientUrl(tokens, endpoint, hubName, { userId, roles, groups }, defaultTokenMinutes);
  return { url, dialect, first: [] };
}

async function dialectOf(protocol: string): Promise<Dialect> {
  switch (protocol) {
    case 'simple':
      return new (await import('./simple.js')).SimpleDialect();
    case 'json':
    case 'reliable':
      return new (await import('./json.js')).JsonDialect(protocol === 'reliable');
    case 'protobuf':
      return new (await import('./protobuf.js')).ProtobufDialect();
    case 'mqtt':
      throw new UsageError(
        `--protocol mqtt: this service does not support MQTT; choose one of ${protocols.join(', ')}`,
      );
    default:
      throw unknownProtocol(protocol);
  }
}

function unknownProtocol(protocol: string): UsageError {
  const near = nearestWord(protocol, protocols);
  const advice = near === undefined ? `choose one of ${protocols.join(', ')}` : `did you mean ${near}?`;
  return new UsageError(`--protocol: "${protocol}" is not known; ${advice}`);
}

/** The app, with its secret for private channels, is one of the hubs file. */
async function pusherPlan(args: ClientArguments, env: Environment): Promise<Plan> {
  const { findHubsFile, loadHubs } = await import('../hubs-file.js');
  const { PusherDialect } = await import('./pusher.js');
  const file = findHubsFile(lookUp('hubs', args, env));
  const keys = (await loadHubs(file, env, false)).apps.all().flatMap(app => app.keys.filter(({ active }) => active));
  const found = args.app === undefined ? keys[0] : keys.find(({ key }) => key === args.app);
  if (found === undefined) {
    const what = args.app === undefined ? 'there is no app' : `there is no app with the key ${args.app}`;
    throw new UsageError(`${what} in ${file.path}; name the file that the service runs with: --hubs FILE`);
  }
  const { endpoint } = dataPlaneOf(args, env);
  const url = `${endpoint.replace(/^http/, 'ws')}/app/${encodeURIComponent(found.key)}?protocol=7&client=hubwire`;
  const dialect = new PusherDialect({ key: found.key, secret: found.secret, userId: args.userId });
  return { url, dialect, first: (args.group ?? []).map(group => ({ verb: 'joingroup', group })) };
}
