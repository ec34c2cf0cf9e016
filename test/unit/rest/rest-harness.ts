import type { FastifyBaseLogger, InjectOptions, LightMyRequestResponse } from 'fastify';
import jwt from 'jsonwebtoken';
import { ContinuationTokens } from '../../../src/auth/continuation-tokens.js';
import { Endpoints } from '../../../src/auth/endpoints.js';
import { KeyTokens } from '../../../src/auth/key-tokens.js';
import { PubSubError } from '../../../src/errors.js';
import type { Member } from '../../../src/hub/commands.js';
import type { Payload } from '../../../src/protocols/messages.js';
import type { DataPlaneHub, HubDirectory } from '../../../src/rest/hub-directory.js';
import { createRestServer, type RestServerOptions } from '../../support/rest-server.js';

export const key = 'a-key-that-is-long-enough-for-every-library';
export const origin = 'https://hub.example.com';

const keys = { primary: key, secondary: undefined };
export const continuationTokens = new ContinuationTokens(keys);

/** Unix milliseconds; the harness's time stands still. */
export const nowMs = Date.UTC(2025, 0, 1);

/** One call of a hub method, by its hub's canonical name. */
export type Call = readonly [hub: string, method: string, ...args: unknown[]];

/** Hubs that write down what they are asked; they know the connection `known`, the user `alice` and the group `news`. */
export class RecordingHubs implements HubDirectory {
  readonly calls: Call[] = [];
  /** Of every group but `none`, in the order of their ids. */
  members: readonly Member[] = [];
  /** Thrown by `get`, when set. */
  fault: Error | undefined;

  get(name: string): DataPlaneHub {
    if (this.fault !== undefined) throw this.fault;
    const note = (method: string, ...args: unknown[]): void => {
      this.calls.push([name.toLowerCase(), method, ...args]);
    };
    return {
      sendToAll: (payload, options) => note('sendToAll', payload, options),
      sendToGroup: (group, payload, options) => note('sendToGroup', group, payload, options),
      sendToUser: (userId, payload, options) => note('sendToUser', userId, payload, options),
      sendToConnection: (id, payload, options) => note('sendToConnection', id, payload, options),
      addConnectionToGroup: async (id, group) => {
        note('addConnectionToGroup', id, group);
        return id === 'known';
      },
      addUserToGroup: async (userId, group) => {
        note('addUserToGroup', userId, group);
        return userId === 'alice';
      },
      removeConnectionFromGroup: async (id, group) => note('removeConnectionFromGroup', id, group),
      removeUserFromGroup: async (userId, group) => note('removeUserFromGroup', userId, group),
      removeConnectionFromAllGroups: async id => note('removeConnectionFromAllGroups', id),
      removeUserFromAllGroups: async userId => note('removeUserFromAllGroups', userId),
      addConnectionsToGroups: async (groups, filter) => note('addConnectionsToGroups', groups, filter),
      removeConnectionsFromGroups: async (groups, filter) => note('removeConnectionsFromGroups', groups, filter),
      listGroup: async (group, { after = '', limit } = {}) => {
        note('listGroup', group);
        return group === 'none' ? [] : this.members.filter(({ connectionId }) => connectionId > after).slice(0, limit);
      },
      closeAll: async options => note('closeAll', options),
      closeGroup: async (group, options) => note('closeGroup', group, options),
      closeUser: async (userId, options) => note('closeUser', userId, options),
      grantPermission: async (id, permission, group) => {
        note('grantPermission', id, permission, group);
        if (group === 'full') throw new PubSubError('conflict', 'too many');
        return id === 'known';
      },
      revokePermission: async (id, permission, group) => note('revokePermission', id, permission, group),
      checkPermission: async (id, permission, group) => {
        note('checkPermission', id, permission, group);
        return id === 'known';
      },
      closeConnection: async (id, reason) => note('closeConnection', id, reason),
      connectionExists: async id => id === 'known',
      groupExists: async group => group === 'news',
      userExists: async userId => userId === 'alice',
    };
  }
}

/** A REST server over recording hubs, and a way to ask it things with a good token. */
export function startRest(logger?: FastifyBaseLogger, options: Partial<RestServerOptions> = {}) {
  const hubs = new RecordingHubs();
  const endpoints = new Endpoints([origin], () => origin);
  const tokens = new KeyTokens(keys, () => nowMs);
  const app = createRestServer({ hubs, tokens, continuationTokens, endpoints, logger, ...options });
  return {
    hubs,
    app,
    /** Signs a token for the URL unless `authorization` says otherwise. */
    async ask(
      method: InjectOptions['method'],
      url: string,
      options: InjectOptions = {},
    ): Promise<LightMyRequestResponse> {
      const headers = { authorization: `Bearer ${tokenFor(url)}`, ...options.headers };
      return app.inject({ ...options, method: method ?? 'GET', url, headers });
    },
    /** The payload of the only send so far. */
    sent(): Payload {
      const [call, ...others] = hubs.calls;
      if (call === undefined || others.length > 0) throw new Error(`expected one call, got ${hubs.calls.length}`);
      return call.find(
        (argument): argument is Payload => typeof argument === 'object' && 'dataType' in (argument as object),
      )!;
    },
  };
}

export function tokenFor(url: string): string {
  return jwt.sign({ aud: origin + url, exp: nowMs / 1000 + 60 }, key, { noTimestamp: true });
}

/** Body of a failure in the domain shape. */
export function domainError(code: string, target: string, message: unknown) {
  return { code, message, target, details: null, inner: null };
}
