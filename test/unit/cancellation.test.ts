import { expect, test } from 'vitest';
import { Cancellation } from '../../src/cancellation.js';

function setup() {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const listen = (name: string) => {
    const listener = () => void told.push(name);
    cancellation.addEventListener('abort', listener);
    return listener;
  };
  return { cancellation, told, listen };
}

test('it tells its listeners once, in order', () => {
  const { cancellation, told, listen } = setup();
  listen('a');
  listen('b');
  expect(cancellation.aborted).toBe(false);
  cancellation.abort();
  cancellation.abort();
  expect(cancellation.aborted).toBe(true);
  expect(told).toEqual(['a', 'b']);
});

test('a listener that was taken away, or came too late, is not told; one that was added twice is told once', () => {
  const { cancellation, told, listen } = setup();
  cancellation.removeEventListener('abort', listen('away'));
  const twice = listen('twice');
  cancellation.addEventListener('abort', twice);
  cancellation.abort();
  listen('late');
  expect(told).toEqual(['twice']);
});

test('as with an AbortSignal, a listener may take itself away while it is told', () => {
  const { cancellation, told, listen } = setup();
  const first = () => cancellation.removeEventListener('abort', first);
  cancellation.addEventListener('abort', first);
  listen('next');
  cancellation.abort();
  expect(told).toEqual(['next']);
});
