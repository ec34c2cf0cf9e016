import { createHash, createHmac } from 'node:crypto';

/** An app as tests configure it. */
export interface TestApp {
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

export const testApp: TestApp = { id: '42', key: 'hubkey01', secret: 'hubsecret01' };

export interface RequestParts {
  readonly method: 'GET' | 'POST';
  /** As it is signed and, unless `sentPath` is given, as it is sent. */
  readonly path: string;
  readonly sentPath?: string;
  readonly body?: string;
  /** In this order; values are not encoded yet. */
  readonly query?: readonly (readonly [string, string])[];
  /** In place of the parameters that a signature has; undefined leaves one out. */
  readonly auth?: Readonly<Record<string, string | undefined>>;
  /** Unix seconds. */
  readonly now?: number;
}

/** The path and query of a signed request, written by the rules of the API's documents and by no code of the program. [pusher-webhooks 4.1] */
export function signedTarget(parts: RequestParts, app: TestApp = testApp): string {
  const { method, path, sentPath = path, body, query = [], auth = {}, now = Math.floor(Date.now() / 1_000) } = parts;
  const claims = {
    auth_key: app.key,
    auth_timestamp: String(now),
    auth_version: '1.0',
    body_md5: body === undefined ? undefined : createHash('md5').update(body).digest('hex'),
    ...auth,
  };
  const given = Object.entries(claims).flatMap(([name, value]) =>
    value === undefined || name === 'auth_signature' ? [] : [[name, value] as const],
  );
  const parameters = [...given, ...query];
  const signed = parameters
    .map(([name, value], index) => ({ name: name.toLowerCase(), value, index }))
    .sort((a, b) => (a.name === b.name ? a.index - b.index : a.name < b.name ? -1 : 1))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&');
  const signature = createHmac('sha256', app.secret).update(`${method}\n${path}\n${signed}`).digest('hex');
  const sent = [...parameters, ['auth_signature', auth.auth_signature ?? signature] as const];
  const encoded = sent.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `${sentPath}?${encoded.join('&')}`;
}
