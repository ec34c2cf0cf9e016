import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A server's settings for one way to log in, and what a client needs for it. */
export interface NatsLogins {
  /** Lines of the server's configuration. */
  readonly settings: string;
  /** Content of a credentials file. */
  readonly credentials: string;
  /** Texts that are nowhere to be seen. */
  readonly secrets: readonly string[];
}

/** A user's nkey. */
export function nkeyLogin(): NatsLogins {
  const user = nkeys.createUser();
  const seed = text(user.getSeed());
  return {
    settings: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    credentials: `${seed}\n`,
    secrets: [seed],
  };
}

/** A `.creds` file, as the tools of NATS write them: a user of an account that an operator has signed. */
export function credsLogin(): NatsLogins {
  const [operator, user] = [nkeys.createOperator(), nkeys.createUser()];
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
  const operatorToken = tokenOf(operator, operator, { type: 'operator', version: 2 });
  const accountToken = tokenOf(operator, account, { type: 'account', version: 2, limits: unlimited });
  const systemToken = tokenOf(operator, system, { type: 'account', version: 2, limits: {} });
  const userToken = tokenOf(account, user, { type: 'user', version: 2, subs: -1, data: -1, payload: -1 });
  const seed = text(user.getSeed());
  return {
    settings: [
      `operator: "${operatorToken}"`,
      'resolver: MEMORY',
      `system_account: ${system.getPublicKey()}`,
      `resolver_preload: { ${account.getPublicKey()}: "${accountToken}", ${system.getPublicKey()}: "${systemToken}" }`,
    ].join('\n'),
    credentials: [
      '-----BEGIN NATS USER JWT-----',
      userToken,
      '------END NATS USER JWT------',
      '-----BEGIN USER NKEY SEED-----',
      seed,
      '------END USER NKEY SEED------',
      '',
    ].join('\n'),
    secrets: [seed, userToken],
  };
}

const unlimited = {
  ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
};

function tokenOf(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const claims = { jti: 'test', iat: 1_700_000_000, iss: issuer.getPublicKey(), sub: subject.getPublicKey(), nats };
  const signed = [{ typ: 'JWT', alg: 'ed25519-nkey' }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
