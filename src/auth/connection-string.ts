/** What SDKs of app servers take; contains the key. @param endpoint the public endpoint, without a trailing slash [rest-api 1.8] */
export function connectionStringOf(endpoint: string, key: string): string {
  return `Endpoint=${endpoint};AccessKey=${key};Version=1.0;`;
}
