import { advice } from './advice.js';
import { error, type Finding, halves, ok } from './finding.js';
import type { Handler, Subject } from './subject.js';

/** Variables by which credentials are found, and what they are of. */
const sources = [
  ['AZURE_CLIENT_SECRET', 'a client secret'],
  ['AZURE_CLIENT_CERTIFICATE_PATH', 'a client certificate'],
  ['AZURE_FEDERATED_TOKEN_FILE', 'a workload identity'],
  ['IDENTITY_ENDPOINT', 'the managed identity of App Service'],
  ['MSI_ENDPOINT', 'a managed identity'],
] as const;

/** Is there a token for each `auth.resource`? Each resource is tried once. */
export async function entraFindings(
  { tokens, env }: Subject,
  handlers: readonly Handler[],
): Promise<readonly Finding[]> {
  const byResource = new Map<string, Handler>();
  for (const handler of handlers) {
    const { auth } = handler.options;
    if (auth.type === 'ManagedIdentity' && !byResource.has(auth.resource)) byResource.set(auth.resource, handler);
  }
  return Promise.all(
    [...byResource].map(async ([resource, { hub, parsed, line }]) => {
      const place = { hub, url: parsed.template.display, line };
      try {
        await tokens.token(resource);
        return ok('entra-token', place, `there is a token for ${resource}`);
      } catch (failure) {
        const said = halves((failure as Error).message);
        return error('entra-token', place, said.seen, [...advice.entraToken(triedText(env)), ...said.advice]);
      }
    }),
  );
}

function triedText(env: Subject['env']): string {
  const given = sources.filter(([name]) => env[name]).map(([name, what]) => `${what} (${name})`);
  return given.length === 0
    ? 'no variable names a credential, so the managed identity of the machine and signed-in tools were tried'
    : `tried first: ${given.join(', ')}`;
}
