import type { Observer } from './ports.js';

const names = [
  'tell',
  'received',
  'sent',
  'delivered',
  'connectionRefused',
  'upgraded',
  'restCallFinished',
  'restCallTold',
  'handlerChanged',
  'handlerValidated',
  'warned',
  'fault',
] as const satisfies readonly (keyof Observer)[];

type Name = (typeof names)[number];
type Reader = Partial<Observer>;
/** The most that a method takes is four. Hot path: named, as a rest parameter makes an array for each call. */
type Call = (a: unknown, b: unknown, c: unknown, d: unknown) => void;

/**
 * One observer that calls several readers, in order. Each may implement only some of the methods. A reader that throws
 * disturbs neither the caller nor the others: its first error is reported to them as a fault, and it goes on being called.
 */
export function observers(...readers: readonly Reader[]): Observer {
  const broken = new Set<Reader>();
  const onError = (reader: Reader, name: Name, error: unknown) => {
    if (broken.has(reader)) return;
    broken.add(reader);
    for (const other of readers) if (other !== reader) report(other, `a reader of what happened, at ${name}`, error);
  };
  return Object.fromEntries(names.map(name => [name, tellAll(readers, name, onError)])) as unknown as Observer;
}

function tellAll(
  readers: readonly Reader[],
  name: Name,
  onError: (reader: Reader, name: Name, error: unknown) => void,
): Call {
  const calls = readers.flatMap(reader => {
    const method = reader[name] as Call | undefined;
    return method === undefined ? [] : [{ reader, call: method.bind(reader) }];
  });
  return (a, b, c, d) => {
    for (const { reader, call } of calls) {
      try {
        call(a, b, c, d);
      } catch (error) {
        onError(reader, name, error);
      }
    }
  };
}

function report(reader: Reader, where: string, error: unknown): void {
  try {
    reader.fault?.(where, error);
  } catch {
    // It is broken too, and there is nobody left to tell.
  }
}
