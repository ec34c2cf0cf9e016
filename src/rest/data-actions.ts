import { canonicalRole, serviceRoleOf } from '../auth/service-roles.js';

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

/**
 * Does one of the roles of a token's `roles` claim allow the action? There are no role assignments here, so the claim
 * names what the vendor's assignments would: `Web PubSub Service Owner` allows everything, `Web PubSub Service Reader`
 * what ends in `/read`, and a whole data action allows itself. [rest-api 1.4]
 */
export function isAllowed(action: DataAction, roles: readonly string[]): boolean {
  return roles.map(canonicalRole).some(role => {
    switch (serviceRoleOf(role)) {
      case 'owner':
        return true;
      case 'reader':
        return action.endsWith('/read');
      default:
        return role === canonicalRole(actionPrefix + action);
    }
  });
}
