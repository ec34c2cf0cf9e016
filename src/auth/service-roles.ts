/** What the `roles` claim of an Entra ID token may name, besides single data actions. [rest-api 1.4, management 1.1] */
export type ServiceRole = 'owner' | 'reader';

const names: Readonly<Record<string, ServiceRole>> = {
  webpubsubserviceowner: 'owner',
  webpubsubservicereader: 'reader',
};

/** Letter case and blanks do not count: the values of Entra ID's app roles cannot contain blanks. */
export function canonicalRole(role: string): string {
  return role.replaceAll(' ', '').toLowerCase();
}

/** `Web PubSub Service Owner` or `Web PubSub Service Reader`. @param canonical a role, without blanks and in lower case */
export function serviceRoleOf(canonical: string): ServiceRole | undefined {
  return Object.hasOwn(names, canonical) ? names[canonical] : undefined;
}
