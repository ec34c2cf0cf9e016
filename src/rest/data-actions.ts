/** What Entra ID callers can be allowed to do, without the vendor's prefix. [rest-api 1.4] */
export type DataAction =
  | 'hub/send/action'
  | 'group/send/action'
  | 'group/read'
  | 'group/write'
  | 'user/send/action'
  | 'user/read'
  | 'clientConnection/send/action'
  | 'clientConnection/read'
  | 'clientConnection/write'
  | 'clientConnection/generateToken/action';

/** In front of a data action, in roles and in messages. */
export const actionPrefix = 'Microsoft.SignalRService/WebPubSub/';

const owner = 'webpubsubserviceowner';
const reader = 'webpubsubservicereader';

/**
 * Does one of the roles of a token's `roles` claim allow the action? There are no role assignments here, so the claim
 * names what the vendor's assignments would: `Web PubSub Service Owner` allows everything, `Web PubSub Service Reader`
 * what ends in `/read`, and a whole data action allows itself. Letter case and blanks do not count: the values of
 * Entra ID's app roles cannot contain blanks. [rest-api 1.4]
 */
export function isAllowed(action: DataAction, roles: readonly string[]): boolean {
  return roles.map(canonical).some(role => {
    if (role === owner) return true;
    if (role === reader) return action.endsWith('/read');
    return role === canonical(actionPrefix + action);
  });
}

function canonical(role: string): string {
  return role.replaceAll(' ', '').toLowerCase();
}
