import { connectionStringOf } from '../auth/connection-string.js';
import { mappingOf } from './body.js';
import { ApiFailure } from './failures.js';
import type { Answer, Call, Operation } from './operation.js';
import { resourcePath } from './paths.js';

/** The access keys, which callers see and renew. */
export interface KeyControl {
  /** A secondary one that is missing is made. */
  both(): Promise<{ readonly primary: string; readonly secondary: string }>;
  /** @throws PubSubError `conflict` when the key cannot be changed */
  regenerate(name: 'primary' | 'secondary'): Promise<void>;
  /** The first public endpoint, as connection strings name it. */
  endpoint(): string;
}

/** `listKeys` and `regenerateKey`. [management 1.2, 1.8] */
export function keyOperations(keys: KeyControl): readonly Operation[] {
  const answer = async (): Promise<Answer> => ({ status: 200, body: bodyOf(await keys.both(), keys.endpoint()) });
  return [
    { method: 'POST', path: `${resourcePath}/listKeys`, name: 'listKeys', run: answer },
    {
      method: 'POST',
      path: `${resourcePath}/regenerateKey`,
      name: 'regenerateKey',
      async run(call) {
        const type = keyTypeOf(call);
        if (type !== 'salt') await keys.regenerate(type);
        return answer();
      },
    },
  ];
}

/** The vendor signs connections of its portal with the salt: there is nothing here that it is for. [MG-017] */
const keyTypes = ['primary', 'secondary', 'salt'] as const;

/** @throws ApiFailure 400 */
function keyTypeOf({ body }: Call): (typeof keyTypes)[number] {
  const { keyType } = mappingOf(body, undefined);
  const type = keyTypes.find(known => known === String(keyType).toLowerCase());
  if (type !== undefined) return type;
  throw ApiFailure.ofContent([{ message: 'keyType must be Primary, Secondary or Salt', target: 'keyType' }]);
}

function bodyOf({ primary, secondary }: { readonly primary: string; readonly secondary: string }, endpoint: string) {
  const connectionString = (key: string) => connectionStringOf(endpoint, key);
  return {
    primaryKey: primary,
    secondaryKey: secondary,
    primaryConnectionString: connectionString(primary),
    secondaryConnectionString: connectionString(secondary),
  };
}
