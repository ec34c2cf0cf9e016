import jwksRsa from 'jwks-rsa';

/**
 * The signing keys that an issuer publishes, by their ids, as PEM.
 * @param fetcher reads the document of a URL @throws Error when there are none that can be used
 */
export async function publishedKeys(
  jwksUri: string,
  fetcher: (url: string) => Promise<{ keys: unknown }>,
): Promise<ReadonlyMap<string, string>> {
  const published = await jwksRsa({ jwksUri, fetcher, cache: false }).getSigningKeys();
  return new Map(published.map(key => [key.kid, key.getPublicKey()]));
}
