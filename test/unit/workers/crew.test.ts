import { describe, expect, test } from 'vitest';
import { Crew, StartFailure } from '../../../src/workers/crew.js';
import type { HandlerState } from '../../../src/workers/messages.js';
import { FakeProcess } from '../../support/fake-workers.js';
import { ManualClock } from '../../support/manual-clock.js';

function crewOf(size: number) {
  const clock = new ManualClock();
  const processes: FakeProcess[] = [];
  const lines: string[] = [];
  const told: string[] = [];
  const ended: number[] = [];
  const crew = new Crew({
    size,
    noun: 'worker',
    fork: place => {
      const process = new FakeProcess(place, 100 + processes.length);
      processes.push(process);
      return process;
    },
    keys: () => ({ primary: 'a', secondary: 'b' }),
    clock,
    log: { info: text => void told.push(text), warn: text => void lines.push(text) },
    onEnded: place => void ended.push(place),
  });
  return { crew, clock, processes, lines, told, ended };
}

/** All of them let clients in. */
async function ready(size: number) {
  const made = crewOf(size);
  const started = made.crew.start();
  for (const process of made.processes) process.listens();
  const url = await started;
  const activated = made.crew.activate({ SAMPLE_PORT: '3001' });
  for (const process of made.processes) process.letsIn();
  await activated;
  for (const process of made.processes) process.take();
  return { ...made, url };
}

const handler = (state: HandlerState['state']): HandlerState => ({
  hub: 'chat',
  url: 'http://app',
  events: '*',
  state,
  answered: state,
  advice: undefined,
});

const operation = { method: 'GET', url: '/', body: '' };

describe('a crew', () => {
  test('begins each worker with the keys, and lets clients in when all of them listen', async () => {
    const { crew, processes } = crewOf(2);
    const started = crew.start();
    expect(processes.map(({ place }) => place)).toEqual([1, 2]);
    processes[0]?.say({ kind: 'started' });
    expect(processes[0]?.received).toEqual([{ kind: 'begin', keys: { primary: 'a', secondary: 'b' } }]);
    processes[0]?.say({ kind: 'listening', publicUrl: 'http://here:8080' });
    processes[1]?.listens();
    expect(await started).toBe('http://here:8080');
    expect(crew.isReady).toBe(false);
    const activated = crew.activate({ SAMPLE_PORT: '3001' });
    expect(processes[1]?.received.at(-1)).toEqual({ kind: 'activate', variables: { SAMPLE_PORT: '3001' } });
    processes[0]?.letsIn();
    expect([crew.isReady, crew.ready, crew.whyNot]).toEqual([
      false,
      1,
      'not every worker is ready; the log says what each worker waits for',
    ]);
    processes[1]?.letsIn();
    await activated;
    expect([crew.isReady, crew.ready, crew.whyNot]).toEqual([true, 2, undefined]);
  });

  test('has validated the handlers once each of them has, or has ended', async () => {
    const { crew, processes } = await ready(2);
    let isValidated = false;
    const validated = crew.validated().then(() => {
      isValidated = true;
    });
    processes[0]?.say({ kind: 'validated' });
    await Promise.resolve();
    expect(isValidated).toBe(false);
    processes[1]?.end('SIGKILL');
    await validated;
    expect(processes[0]?.take()).toEqual([]);
  });

  test('does not start when one of them cannot: the reason is the worker’s own', async () => {
    const { crew, processes, clock } = crewOf(2);
    const started = crew.start();
    processes[0]?.listens();
    processes[1]?.say({ kind: 'started' });
    processes[1]?.say({ kind: 'failed', text: 'hubwire: the port is taken' });
    processes[1]?.end('exit code 1');
    await expect(started).rejects.toEqual(new StartFailure('hubwire: the port is taken'));
    expect([clock.pending, processes.length]).toEqual([0, 2]);
  });

  test('starts one again that ends, with the place that it had; the others go on', async () => {
    const { crew, processes, clock, lines, ended } = await ready(2);
    processes[0]?.end('SIGKILL');
    expect([crew.ready, crew.isReady, ended, crew.restarts]).toEqual([1, true, [1], 0]);
    expect(lines).toEqual(['worker 1 (process 100) has ended: SIGKILL; it is started again in 1 s']);
    clock.advance(999);
    expect(processes).toHaveLength(2);
    clock.advance(1);
    expect(processes[2]?.place).toBe(1);
    processes[2]?.say({ kind: 'started' });
    const keys = { primary: 'a', secondary: 'b' };
    expect(processes[2]?.received).toEqual([
      { kind: 'begin', keys, publicUrl: 'http://here:1' }, // it listens there once it lets clients in
      { kind: 'activate', variables: { SAMPLE_PORT: '3001' } },
    ]);
    processes[2]?.say({ kind: 'listening', publicUrl: 'http://here:1' });
    processes[2]?.letsIn();
    expect(processes[2]?.take()).toEqual(['begin', 'activate']);
    expect([crew.ready, crew.restarts, processes[1]?.take()]).toEqual([2, 1, []]);
  });

  test('one that ends between its start and its activation is activated once it has begun again', async () => {
    const { crew, processes, clock } = crewOf(2);
    const started = crew.start();
    for (const process of processes) process.listens();
    await started;
    processes[0]?.end('SIGKILL');
    clock.advance(1_000);
    const activated = crew.activate({});
    expect([processes[1]?.take(), processes[2]?.take()]).toEqual([['begin', 'activate'], []]);
    processes[2]?.say({ kind: 'started' });
    expect(processes[2]?.take()).toEqual(['begin', 'activate']);
    processes[2]?.say({ kind: 'listening', publicUrl: 'http://here:1' });
    for (const process of processes.slice(1)) process.letsIn();
    await activated;
    expect(crew.ready).toBe(2);
  });

  test('one that has ended before the activation, and is about to be started again, is waited for', async () => {
    const { crew, processes, clock } = crewOf(2);
    const started = crew.start();
    for (const process of processes) process.listens();
    await started;
    processes[0]?.end('SIGKILL');
    const activated = crew.activate({});
    processes[1]?.letsIn();
    clock.advance(1_000);
    processes[2]?.say({ kind: 'started' });
    expect(processes[2]?.take()).toEqual(['begin', 'activate']);
    processes[2]?.say({ kind: 'listening', publicUrl: 'http://here:1' });
    processes[2]?.letsIn();
    await activated;
    expect([crew.ready, crew.restarts]).toEqual([2, 1]);
  });

  test('[cluster 6.2] lets clients in while one of them does: one that is paused lets none in, and is answers as the others are', async () => {
    const { crew, processes } = await ready(2);
    processes[0]?.say({ kind: 'admission', isOpen: false });
    expect([crew.isReady, crew.ready, crew.paused]).toEqual([true, 1, 1]);
    processes[1]?.say({ kind: 'admission', isOpen: false });
    expect([crew.isReady, crew.ready, crew.paused]).toEqual([false, 0, 2]);
    const answers = crew.request('metrics', undefined, 'silent');
    for (const process of processes) process.answers<'metrics'>([]);
    expect((await answers).given.size).toBe(2);
    processes[1]?.say({ kind: 'admission', isOpen: true });
    expect([crew.isReady, crew.ready, crew.paused]).toEqual([true, 1, 1]);
  });

  test('one that dies is neither ready nor paused; its successor is ready once it lets clients in itself', async () => {
    const { crew, processes, clock } = await ready(1);
    processes[0]?.end('SIGKILL');
    expect([crew.isReady, crew.ready, crew.paused]).toEqual([false, 0, 0]);
    clock.advance(1_000);
    processes[1]?.listens();
    expect(crew.isReady).toBe(false);
    processes[1]?.letsIn();
    expect([crew.isReady, crew.ready, crew.paused]).toEqual([true, 1, 0]);
  });

  test('a worker that is paused when it is activated is not ready', async () => {
    const { crew, processes } = crewOf(1);
    const started = crew.start();
    processes[0]?.listens();
    await started;
    const activated = crew.activate({});
    processes[0]?.say({ kind: 'ready' });
    await activated;
    expect([crew.isReady, crew.ready, crew.paused]).toEqual([false, 0, 1]);
  });

  test('waits longer each time for one that does not stay, up to 30 s, and no longer once it has stayed', async () => {
    const { processes, clock, lines } = await ready(1);
    const waits: number[] = [];
    const end = () => {
      processes.at(-1)?.end('exit code 1');
      const seconds = Number(/again in (\d+) s/.exec(lines.at(-1) ?? '')?.[1]);
      waits.push(seconds);
      clock.advance(seconds * 1_000);
    };
    for (let round = 0; round < 7; round += 1) end();
    expect([waits, processes.length]).toEqual([[1, 2, 4, 8, 16, 30, 30], 8]);
    clock.advance(60_000);
    end();
    expect(waits.at(-1)).toBe(1);
  });

  test('asks those that are ready; one that ends meanwhile is left out', async () => {
    const { crew, processes } = await ready(3);
    const answers = crew.request('metrics', undefined, 'silent');
    processes[0]?.answers<'metrics'>([{ name: 'a' }]);
    processes[1]?.end('SIGKILL');
    processes[2]?.answers<'metrics'>([]);
    const given = new Map([
      [1, [{ name: 'a' }]],
      [3, []],
    ]);
    expect(await answers).toEqual({ given, missing: [] });
  });

  test('a request that one of them refuses is refused', async () => {
    const { crew, processes } = await ready(2);
    const answers = crew.request('reload', undefined, 'hung');
    processes[0]?.answers<'reload'>(undefined);
    const [request] = processes[1]?.received.slice(-1) ?? [];
    if (request?.kind === 'request') processes[1]?.say({ kind: 'refused', id: request.id, text: 'hubs.yaml: no' });
    await expect(answers).rejects.toMatchObject({ kind: 'conflict', message: 'hubs.yaml: no' });
  });

  test('one that answers its pings has 20 s for an answer', async () => {
    const { crew, clock } = await ready(1);
    const answers = crew.requestOne('operate', operation, 'silent');
    const refused = expect(answers).rejects.toMatchObject({
      kind: 'unknown',
      message: 'worker 1 (process 100) did not answer',
    });
    await clock.advanceAsync(19_999);
    expect(clock.pending).toBe(2); // with the next ping
    await clock.advanceAsync(1);
    await refused;
    expect(clock.pending).toBe(1);
  });

  test('a handler is as bad as it is for any worker', async () => {
    const { crew, processes } = await ready(2);
    processes[0]?.say({ kind: 'handlers', handlers: [handler('active'), handler('pending')] });
    processes[1]?.say({ kind: 'handlers', handlers: [handler('failed'), handler('active')] });
    expect(crew.handlers.map(({ state }) => state)).toEqual(['failed', 'pending']);
  });

  test('stops all at the same time, kills what does not end, and starts nothing again', async () => {
    const { crew, processes, clock, lines } = await ready(2);
    const stopped = crew.stop(5_000);
    expect([crew.isReady, processes.map(process => process.take())]).toEqual([false, [['stop'], ['stop']]]);
    processes[0]?.end('exit code 0');
    clock.advance(5_000);
    expect([processes[0]?.signals, processes[1]?.signals]).toEqual([[], ['SIGKILL']]);
    expect(lines).toEqual(['worker 2 (process 101) did not stop, and is killed']);
    processes[1]?.end('SIGKILL');
    await stopped;
    expect([clock.pending, processes.length]).toEqual([0, 2]);
  });

  test('tells all of them other keys', async () => {
    const { crew, processes } = await ready(2);
    crew.tellKeys();
    expect(processes.map(process => process.take())).toEqual([['keys'], ['keys']]);
  });
});

describe('a worker that hangs', () => {
  /** The first of two, from now on. */
  async function hung() {
    const made = await ready(2);
    const [one, two] = made.processes;
    if (one === undefined || two === undefined) throw new Error('there are two');
    one.isHung = true;
    return { ...made, one, two };
  }

  test('is warned about once, killed after 30 s, and started again with the usual wait', async () => {
    const { crew, clock, one, two, processes, lines } = await hung();
    clock.advance(10_000);
    expect(lines).toEqual([]);
    clock.advance(1_000); // the ping before the first one that was missed had been answered
    const warning =
      'worker 1 (process 100) has not answered for 10 s; it is killed if it does not answer within 20 s more';
    expect(lines).toEqual([warning]);
    clock.advance(19_999);
    expect([one.signals, lines]).toEqual([[], [warning]]);
    clock.advance(1);
    expect(one.signals).toEqual(['SIGKILL']);
    one.end('SIGKILL');
    expect(lines.slice(1)).toEqual([
      'worker 1 (process 100) has not answered for 30 s, and is killed',
      'worker 1 (process 100) has ended: SIGKILL; it is started again in 1 s',
    ]);
    clock.advance(1_000);
    processes[2]?.listens();
    processes[2]?.letsIn();
    clock.advance(60_000);
    expect([crew.ready, crew.restarts, two.signals, processes.length]).toEqual([2, 1, [], 3]);
  });

  test('is none when it only has a long turn', async () => {
    const { clock, one, lines, told } = await hung();
    clock.advance(29_000);
    one.isHung = false;
    clock.advance(60_000);
    expect([one.signals, lines.length, told.at(-1)]).toEqual([
      [],
      1,
      'worker 1 (process 100) answers again, after 29 s',
    ]);
  });

  test('is none while it is the parent that stands still', async () => {
    const { crew, clock, one, two, lines } = await hung();
    two.isHung = true;
    for (let round = 0; round < 5; round += 1) {
      clock.pause(60_000);
      clock.advance(0);
      for (const process of [one, two]) process.say({ kind: 'pong' }); // it comes after the timers of the turn
    }
    expect([one.signals, two.signals, lines, crew.silent]).toEqual([[], [], [], 0]);
  });

  test('is none while it loads: that takes as long as it takes', async () => {
    const { clock, one, processes } = await hung();
    one.end('SIGSEGV');
    clock.advance(61_000);
    expect([processes[2]?.place, processes[2]?.signals, processes[2]?.received]).toEqual([1, [], []]);
  });

  test('is shown as silent after 2 s, and reads are answered without it', async () => {
    const { crew, clock, two } = await hung();
    const answers = crew.request('metrics', undefined, 'silent');
    two.answers<'metrics'>([{ name: 'a' }]);
    await clock.advanceAsync(3_000);
    expect(await answers).toEqual({ given: new Map([[2, [{ name: 'a' }]]]), missing: ['worker 1 (process 100)'] });
    expect([crew.ready, crew.paused, crew.silent, crew.isReady]).toEqual([1, 0, 1, true]);
    const again = crew.request('metrics', undefined, 'silent');
    two.answers<'metrics'>([]);
    expect((await again).missing).toHaveLength(1); // at once
    const one = crew.requestOne('operate', operation, 'silent');
    two.answers<'operate'>({ status: 200, contentType: undefined, body: '' });
    expect(await one).toMatchObject({ status: 200 });
  });

  test('is given 10 s for a change, which the others have made; it is told nevertheless', async () => {
    const { crew, clock, one, two } = await hung();
    const answers = crew.request('reload', undefined, 'hung');
    two.answers<'reload'>(undefined);
    await clock.advanceAsync(10_999);
    expect(clock.pending).toBe(2); // with the next ping
    await clock.advanceAsync(1);
    expect(await answers).toEqual({ given: new Map([[2, undefined]]), missing: ['worker 1 (process 100)'] });
    expect(one.take()).toEqual(['request']);
    const again = crew.request('reload', undefined, 'hung');
    two.answers<'reload'>(undefined);
    expect((await again).missing).toHaveLength(1);
    expect(one.take()).toEqual(['request']);
  });

  test('counts as one that lets clients in for 10 s: others of a busy node would get all of them', async () => {
    const { crew, clock, two } = await hung();
    two.isHung = true;
    clock.advance(10_999);
    expect([crew.ready, crew.silent, crew.isReady]).toEqual([0, 2, true]);
    clock.advance(1);
    expect([crew.isReady, crew.whyNot]).toEqual([false, 'no worker is ready; the log says what each worker waits for']);
    two.isHung = false;
    clock.advance(1_000);
    expect([crew.ready, crew.isReady]).toEqual([1, true]);
  });

  test('is killed when it hangs while all of them stop', async () => {
    const { crew, clock, one, two } = await hung();
    const stopped = crew.stop(60_000);
    two.end('exit code 0');
    clock.advance(31_000);
    expect(one.signals).toEqual(['SIGKILL']);
    one.end('SIGKILL');
    await stopped;
    expect(clock.pending).toBe(0);
  });
});
