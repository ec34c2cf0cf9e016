import { expect, test } from 'vitest';
import { type DataAction, isAllowed } from '../../../src/rest/data-actions.js';

const actions: readonly DataAction[] = [
  'hub/send/action',
  'group/send/action',
  'group/read',
  'group/write',
  'user/send/action',
  'user/read',
  'clientConnection/send/action',
  'clientConnection/read',
  'clientConnection/write',
  'clientConnection/generateToken/action',
];

function allowed(...roles: string[]): readonly DataAction[] {
  return actions.filter(action => isAllowed(action, roles));
}

test.each(['Web PubSub Service Owner', 'WebPubSubServiceOwner', 'web pubsub service owner'])(
  '[rest-api 1.4] %s may do everything',
  role => {
    expect(allowed(role)).toEqual(actions);
  },
);

test('[rest-api 1.4] a reader may read', () => {
  expect(allowed('Web PubSub Service Reader')).toEqual(['group/read', 'user/read', 'clientConnection/read']);
});

test('[rest-api 1.4] a data action allows itself, and several add up', () => {
  const prefix = 'Microsoft.SignalRService/WebPubSub/';
  expect(allowed(`${prefix}hub/send/action`)).toEqual(['hub/send/action']);
  expect(allowed(`${prefix}group/read`, `${prefix.toLowerCase()}CLIENTCONNECTION/write`, 'Reader')).toEqual([
    'group/read',
    'clientConnection/write',
  ]);
});

test.each([
  [],
  [''],
  ['Owner'],
  ['group/read'],
  ['Microsoft.SignalRService/WebPubSub/*'],
  ['Microsoft.SignalRService/WebPubSub/group'],
])('roles %# allow nothing', (...roles) => {
  expect(allowed(...roles)).toEqual([]);
});
