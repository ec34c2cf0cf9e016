import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/identity';
import { expect, test } from 'vitest';
import { EntraTokens } from '../../../src/auth/entra.js';
import { PubSubError } from '../../../src/errors.js';
import { ManualClock } from '../../support/manual-clock.js';

/** Answers each request when the test says so. */
class HandCredential implements TokenCredential {
  readonly asked: { scope: string; signal: GetTokenOptions['abortSignal'] }[] = [];
  readonly #pending: { resolve(token: AccessToken | null): void; reject(error: Error): void }[] = [];

  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    this.asked.push({ scope: String(scopes), signal: options?.abortSignal });
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  answer(token: string, expiresOnTimestamp: number): void {
    this.#pending.shift()?.resolve({ token, expiresOnTimestamp });
  }

  answerNothing(): void {
    this.#pending.shift()?.resolve(null);
  }

  refuse(error: Error): void {
    this.#pending.shift()?.reject(error);
  }
}

const hourMs = 3_600_000;
const minuteMs = 60_000;

async function setup() {
  const clock = new ManualClock();
  const credential = new HandCredential();
  const tokens = new EntraTokens({ clock, credential });
  const first = async (token: string, lifetimeMs: number) => {
    const promise = tokens.token('api://chat');
    await clock.advanceAsync(0);
    credential.answer(token, clock.now() + lifetimeMs);
    return promise;
  };
  return { clock, credential, tokens, first };
}

test('[upstream-events 6.1] the scope is the resource with /.default, and a token is kept', async () => {
  const { credential, tokens, first } = await setup();
  expect(await first('t1', hourMs)).toBe('t1');
  expect(await tokens.token('api://chat')).toBe('t1');
  expect(credential.asked.map(({ scope }) => scope)).toEqual(['api://chat/.default']);
});

test('simultaneous callers share one request; another resource has its own', async () => {
  const { clock, credential, tokens } = await setup();
  const same = Promise.all([tokens.token('api://chat'), tokens.token('api://chat'), tokens.token('api://chat')]);
  const other = tokens.token('api://other');
  await clock.advanceAsync(0);
  expect(credential.asked.map(({ scope }) => scope)).toEqual(['api://chat/.default', 'api://other/.default']);
  credential.answer('t1', clock.now() + hourMs);
  credential.answer('t2', clock.now() + hourMs);
  expect(await same).toEqual(['t1', 't1', 't1']);
  expect(await other).toBe('t2');
});

test('with 5 minutes left a call starts a renewal and is answered with the token at hand', async () => {
  const { clock, credential, tokens, first } = await setup();
  await first('t1', hourMs);
  clock.advance(55 * minuteMs - 1);
  await tokens.token('api://chat');
  expect(credential.asked).toHaveLength(1);
  clock.advance(1);
  expect(await tokens.token('api://chat')).toBe('t1');
  expect(await tokens.token('api://chat')).toBe('t1');
  expect(credential.asked).toHaveLength(2);
  credential.answer('t2', clock.now() + hourMs);
  await clock.advanceAsync(0);
  expect(await tokens.token('api://chat')).toBe('t2');
});

test('a short-lived token is renewed at half its life', async () => {
  const { clock, credential, tokens, first } = await setup();
  await first('t1', 2 * minuteMs);
  clock.advance(minuteMs - 1);
  await tokens.token('api://chat');
  expect(credential.asked).toHaveLength(1);
  clock.advance(1);
  await tokens.token('api://chat');
  expect(credential.asked).toHaveLength(2);
});

test('an expired token is not used: the call waits for the next one', async () => {
  const { clock, credential, tokens, first } = await setup();
  await first('t1', hourMs);
  clock.advance(hourMs);
  const next = tokens.token('api://chat');
  await clock.advanceAsync(0);
  credential.answer('t2', clock.now() + hourMs);
  expect(await next).toBe('t2');
});

test('a failed renewal leaves the good token in use and is tried again after a pause, not at every event', async () => {
  const { clock, credential, tokens, first } = await setup();
  await first('t1', hourMs);
  clock.advance(56 * minuteMs);
  await tokens.token('api://chat');
  credential.refuse(new Error('down'));
  await clock.advanceAsync(0);
  expect(await tokens.token('api://chat')).toBe('t1');
  expect(credential.asked).toHaveLength(2);
  clock.advance(10_000);
  expect(await tokens.token('api://chat')).toBe('t1');
  expect(credential.asked).toHaveLength(3);
});

test('a failure is eventFailed without the library’s text, and the next call asks again', async () => {
  const { clock, credential, tokens } = await setup();
  const failing = tokens.token('api://chat').catch((error: unknown) => error);
  await clock.advanceAsync(0);
  credential.refuse(Object.assign(new Error('body: SECRET-1'), { name: 'AuthenticationError', statusCode: 400 }));
  const error = await failing;
  expect(error).toBeInstanceOf(PubSubError);
  expect(error).toMatchObject({ kind: 'eventFailed' });
  expect((error as Error).message).toContain('no Entra ID token for api://chat: AuthenticationError (status 400)');
  expect((error as Error).message).not.toContain('SECRET-1');
  const next = tokens.token('api://chat');
  await clock.advanceAsync(0);
  credential.answer('t1', clock.now() + hourMs);
  expect(await next).toBe('t1');
});

test('after 30 s without an answer the request is given up', async () => {
  const { clock, credential, tokens } = await setup();
  const failing = tokens.token('api://chat').catch((error: unknown) => error);
  await clock.advanceAsync(29_999);
  expect(credential.asked[0]?.signal?.aborted).toBe(false);
  await clock.advanceAsync(1);
  expect((await failing) as Error).toMatchObject({
    kind: 'eventFailed',
    message: expect.stringContaining('within 30 s'),
  });
  expect(credential.asked[0]?.signal?.aborted).toBe(true);
  expect(clock.pending).toBe(0);
});

test.each(['', 'line\r\nbreak', 'é'])('an answer whose token is %j fails', async token => {
  const { first } = await setup();
  await expect(first(token, hourMs)).rejects.toMatchObject({ kind: 'eventFailed' });
});

test('an answer without a token fails', async () => {
  const { clock, credential, tokens } = await setup();
  const failing = tokens.token('api://chat').catch((error: unknown) => error);
  await clock.advanceAsync(0);
  credential.answerNothing();
  expect(await failing).toMatchObject({ kind: 'eventFailed', message: expect.stringContaining('no token') });
});

test('a token that had already expired fails', async () => {
  const { first } = await setup();
  await expect(first('t1', 0)).rejects.toMatchObject({ message: expect.stringContaining('already expired') });
});

test('[F7] the pause after a failed renewal is an interval: a step of the wall clock neither ends nor prolongs it', async () => {
  const { clock, credential, tokens, first } = await setup();
  await first('t1', hourMs);
  clock.advance(56 * minuteMs);
  await tokens.token('api://chat');
  credential.refuse(new Error('down'));
  await clock.advanceAsync(0);
  clock.stepWall(minuteMs);
  await tokens.token('api://chat');
  expect(credential.asked).toHaveLength(2);
  clock.stepWall(-minuteMs);
  clock.advance(10_000);
  await tokens.token('api://chat');
  expect(credential.asked).toHaveLength(3);
});

test('[F7] when a token expires is told by the wall clock, as its issuer meant it', async () => {
  const { clock, credential, tokens, first } = await setup();
  await first('t1', hourMs);
  clock.stepWall(hourMs);
  const next = tokens.token('api://chat');
  await clock.advanceAsync(0);
  credential.answer('t2', clock.now() + hourMs);
  expect(await next).toBe('t2');
});
