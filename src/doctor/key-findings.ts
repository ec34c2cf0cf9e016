import { isLoopback } from '../addresses.js';
import type { AccessKeys } from '../auth/keys.js';
import type { Environment } from '../config/load.js';
import { advice } from './advice.js';
import { error, type Finding, warning } from './finding.js';
import { hostOf } from './hosts.js';

/** The variable that SDKs' samples read. */
const variable = 'WebPubSubConnectionString';

/** The connection string that an app with this environment would use. Pure. No key is shown. */
export function connectionStringFindings(env: Environment, keys: AccessKeys | undefined): readonly Finding[] {
  const text = env[variable];
  if (text === undefined || text === '') return [];
  const parts = new Map(
    text.split(';').map(part => {
      const at = part.indexOf('=');
      return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1)] as const;
    }),
  );
  const missing = ['Endpoint', 'AccessKey', 'Version'].filter(name => !parts.get(name.toLowerCase()));
  const endpoint = parts.get('endpoint') ?? '';
  return [
    ...(missing.length > 0 ? [error('key', {}, `${variable} has no ${missing.join(', ')}`, advice.keyLine)] : []),
    ...keyMatch(parts.get('accesskey'), keys),
    ...plainHttp(endpoint),
  ];
}

function keyMatch(key: string | undefined, keys: AccessKeys | undefined): readonly Finding[] {
  if (!key || keys === undefined) return [];
  const own = [keys.primary, keys.secondary].filter(each => each !== undefined);
  if (own.includes(key)) return [];
  const isDecoded = own.some(each => Buffer.from(each, 'base64').toString('latin1') === key || decoded(each) === key);
  const seen = `the AccessKey of ${variable} is not a key of this service`;
  return [
    error(
      'key',
      {},
      isDecoded ? `${seen}, but what it decodes to` : seen,
      isDecoded ? advice.keyAsText : advice.keyLine,
    ),
  ];
}

function decoded(key: string): string {
  return Buffer.from(key, 'base64').toString('utf8');
}

/** On this machine http is what one has, and the SDK's own message names the option. */
function plainHttp(endpoint: string): readonly Finding[] {
  if (!/^http:/i.test(endpoint) || !URL.canParse(endpoint)) return [];
  if (isLoopback(hostOf(new URL(endpoint)))) return [];
  return [warning('key', {}, `${variable} names an http endpoint, which SDKs refuse by default`, advice.insecure)];
}
