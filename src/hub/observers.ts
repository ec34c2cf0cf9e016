import type { Observer } from './ports.js';

const names = [
  'connectionOpened',
  'connectionClosed',
  'roleIgnored',
  'requestRefused',
  'connectionRefused',
  'upgraded',
  'restCallFinished',
  'restCallTold',
  'messageReceived',
  'messageSent',
  'sendsDelivered',
  'eventFinished',
  'handlerChanged',
  'warned',
  'fault',
] as const satisfies readonly (keyof Observer)[];

/** One observer that calls several, in order. Each may implement only some of the methods. */
export function observers(...listeners: readonly Partial<Observer>[]): Observer {
  return Object.fromEntries(names.map(name => [name, tellAll(listeners, name)])) as unknown as Observer;
}

function tellAll(listeners: readonly Partial<Observer>[], name: keyof Observer): (...facts: unknown[]) => void {
  const told = listeners.flatMap(listener => {
    const method = listener[name] as ((...facts: unknown[]) => void) | undefined;
    return method === undefined ? [] : [method.bind(listener)];
  });
  const [only] = told;
  if (told.length === 1 && only !== undefined) return only;
  return (...facts) => {
    for (const tell of told) tell(...facts);
  };
}
