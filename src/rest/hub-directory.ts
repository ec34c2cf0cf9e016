import type { Hub } from '../hub/hub.js';

/** The part of a hub that REST uses. */
export type DataPlaneHub = Pick<
  Hub,
  | 'sendToAll'
  | 'sendToGroup'
  | 'sendToUser'
  | 'sendToConnection'
  | 'addConnectionToGroup'
  | 'addConnectionsToGroups'
  | 'addUserToGroup'
  | 'removeConnectionFromGroup'
  | 'removeConnectionsFromGroups'
  | 'removeConnectionFromAllGroups'
  | 'removeUserFromGroup'
  | 'removeUserFromAllGroups'
  | 'listGroup'
  | 'closeConnection'
  | 'closeAll'
  | 'closeGroup'
  | 'closeUser'
  | 'connectionExists'
  | 'groupExists'
  | 'userExists'
  | 'grantPermission'
  | 'revokePermission'
  | 'checkPermission'
>;

/** Finds a hub by its name in any letter case. @throws PubSubError `invalid` for a bad name */
export interface HubDirectory {
  get(name: string): DataPlaneHub;
}
