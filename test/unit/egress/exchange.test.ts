import { describe, expect, test } from 'vitest';
import { type Answer, type BodyLimit, Exchange, noBody } from '../../../src/egress/exchange.js';
import { ManualClock } from '../../support/manual-clock.js';

function start(limit: BodyLimit = { bytes: 10, beyond: 'fail' }) {
  const clock = new ManualClock();
  const answers: Answer[] = [];
  const bounds = { headersWithinMs: 5000, bodyWithinMs: 4000, bodyLimit: () => limit };
  const exchange = new Exchange(clock, bounds, answer => void answers.push(answer));
  const aborts: Error[] = [];
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    abort: (reason: Error) => void aborts.push(reason),
    pause: () => {},
    resume: () => {},
  };
  return {
    clock,
    exchange,
    answers,
    aborts,
    request: () => exchange.onRequestStart(controller),
    head: (status = 200, headers = {}) => exchange.onResponseStart(controller, status, headers),
    data: (text: string) => exchange.onResponseData(controller, Buffer.from(text)),
    end: () => exchange.onResponseEnd(),
    error: (code: string) => exchange.onResponseError(controller, Object.assign(new Error('x'), { code })),
  };
}

test('a response is its head and the pieces of its body', () => {
  const { request, head, data, end, answers, clock } = start();
  request();
  head(201, { a: 'b' });
  data('one');
  data('two');
  expect(answers).toEqual([]);
  end();
  expect(answers).toEqual([{ kind: 'response', status: 201, headers: { a: 'b' }, body: Buffer.from('onetwo') }]);
  expect(clock.pending).toBe(0);
});

describe('[upstream-events 7.1] time', () => {
  test('no headers in time: a timeout, and the request is given up', () => {
    const { request, clock, answers, aborts } = start();
    request();
    clock.advance(4999);
    expect(answers).toEqual([]);
    clock.advance(1);
    expect(answers).toEqual([{ kind: 'failure', failure: 'timeout', code: undefined }]);
    expect(aborts).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('a request whose time is up before its socket is open is never sent', () => {
    const { request, clock, answers, aborts } = start();
    clock.advance(5000);
    expect(answers).toMatchObject([{ failure: 'timeout' }]);
    expect(aborts).toHaveLength(0);
    request();
    expect(aborts).toHaveLength(1);
  });

  test('the body has its own time, counted from the headers, which are told when it is over', () => {
    const { request, head, data, clock, answers, aborts } = start();
    request();
    clock.advance(3000);
    head(503, { 'retry-after': '3' });
    data('half');
    clock.advance(3999);
    expect(answers).toEqual([]);
    clock.advance(1);
    const failure = { kind: 'failure', failure: 'timeout', code: undefined };
    expect(answers).toEqual([{ ...failure, head: { status: 503, headers: { 'retry-after': '3' } } }]);
    expect(aborts).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test.each([90_000, -3_600_000])('[F7] a step of the wall clock by %i ms does not change it', stepMs => {
    const { request, head, clock, answers } = start();
    request();
    clock.advance(3000);
    head();
    clock.stepWall(stepMs);
    clock.advance(3999);
    expect(answers).toEqual([]);
    clock.advance(1);
    expect(answers).toMatchObject([{ failure: 'timeout' }]);
    expect(clock.pending).toBe(0);
  });

  test('an unwanted body that does not end loses its socket', () => {
    const { request, head, clock, answers, aborts } = start(noBody);
    request();
    head();
    expect(answers).toMatchObject([{ status: 200 }]);
    clock.advance(5000);
    expect(answers).toHaveLength(1);
    expect(aborts).toHaveLength(1);
  });
});

describe('[CL-102] a wait that has a limit of its own', () => {
  const place = { leave: () => {} };

  test('ends it when its turn has not come by then', () => {
    const { exchange, clock, answers } = start();
    const left: string[] = [];
    exchange.queued(() => void left.push('left'), 2000);
    clock.advance(1999);
    expect(answers).toEqual([]);
    clock.advance(1);
    expect([answers, left, clock.pending]).toEqual([
      [{ kind: 'failure', failure: 'queueTimeout', code: undefined }],
      ['left'],
      0,
    ]);
  });

  test('leaves the rest of its time to one whose turn has come', () => {
    const { exchange, request, clock, answers } = start();
    exchange.queued(() => {}, 2000);
    clock.advance(1500);
    exchange.starts(place);
    request();
    clock.advance(3499);
    expect(answers).toEqual([]);
    clock.advance(1);
    expect([answers, clock.pending]).toEqual([[{ kind: 'failure', failure: 'timeout', code: undefined }], 0]);
  });

  test('leaves the body its time', () => {
    const { exchange, request, head, end, clock, answers } = start();
    exchange.queued(() => {}, 2000);
    exchange.starts(place);
    request();
    clock.advance(4000);
    head();
    clock.advance(3999);
    end();
    expect([answers.length, clock.pending]).toEqual([1, 0]);
    expect(answers).toMatchObject([{ status: 200 }]);
  });

  test('does not matter when it is longer than the time for all', () => {
    const { exchange, clock, answers } = start();
    exchange.queued(() => {}, 9000);
    clock.advance(5000);
    expect([answers, clock.pending]).toMatchObject([[{ failure: 'queueTimeout' }], 0]);
  });
});

describe('[upstream-events 7.2] size', () => {
  test('a declared length beyond the limit fails before the body comes', () => {
    const { request, head, answers, aborts } = start();
    request();
    head(200, { 'content-length': '11' });
    expect(answers).toMatchObject([{ failure: 'tooLarge' }]);
    expect(aborts).toHaveLength(1);
  });

  test('a body of the limit is fine, one byte more fails', () => {
    const fits = start();
    fits.head();
    fits.data('1234567890');
    fits.end();
    expect(fits.answers).toMatchObject([{ kind: 'response' }]);
    const tooLong = start();
    tooLong.request();
    tooLong.head();
    tooLong.data('1234567890');
    tooLong.data('1');
    expect(tooLong.answers).toMatchObject([{ failure: 'tooLarge' }]);
    expect(tooLong.aborts).toHaveLength(1);
  });

  test('a body that may be cut is answered once enough has come; the rest is read to 64 KiB', () => {
    const { request, head, data, end, answers, aborts } = start({ bytes: 4, beyond: 'cut' });
    request();
    head(400, { 'content-length': '11' });
    data('123456');
    expect(answers).toEqual([
      { kind: 'response', status: 400, headers: { 'content-length': '11' }, body: Buffer.from('1234') },
    ]);
    data('78901');
    end();
    expect(answers).toHaveLength(1);
    expect(aborts).toHaveLength(0);
  });

  test('a rest beyond 64 KiB costs the socket', () => {
    const { request, head, data, answers, aborts } = start(noBody);
    request();
    head(200);
    data('x'.repeat(65_536));
    expect(aborts).toHaveLength(0);
    data('x');
    expect(aborts).toHaveLength(1);
    expect(answers).toHaveLength(1);
  });
});

describe('[F4] its place among the requests of an upstream', () => {
  function placed() {
    const started = start();
    const left: string[] = [];
    started.exchange.starts({ leave: () => void left.push('left') });
    return { ...started, left };
  }

  test('is left when the response has ended, not at its headers', () => {
    const { request, head, end, left } = placed();
    request();
    head(200);
    expect(left).toEqual([]);
    end();
    expect(left).toEqual(['left']);
  });

  test('is left once when the request fails, and kept by one that was given up until its socket is gone', () => {
    const { request, exchange, error, answers, aborts, left } = placed();
    request();
    exchange.cancel();
    expect([answers, aborts.length, left]).toEqual([
      [{ kind: 'failure', failure: 'cancelled', code: undefined }],
      1,
      [],
    ]);
    error('UND_ERR_ABORTED');
    error('UND_ERR_ABORTED');
    expect([answers.length, left]).toEqual([1, ['left']]);
  });

  test('a request in the queue leaves it when its time is up, or when it is given up', () => {
    for (const [giveUp, failure] of [
      [(started: ReturnType<typeof start>) => started.clock.advance(5000), 'queueTimeout'],
      [(started: ReturnType<typeof start>) => started.exchange.cancel(), 'cancelled'],
    ] as const) {
      const started = start();
      let leaves = 0;
      started.exchange.queued(() => {
        leaves += 1;
      });
      giveUp(started);
      expect([started.answers, leaves, started.clock.pending]).toMatchObject([[{ failure }], 1, 0]);
    }
  });
});

describe('[F4] a request that goes on once it has been sent', () => {
  test('is given up in the queue, and while its socket is being opened', () => {
    const queued = start();
    let leaves = 0;
    queued.exchange.queued(() => {
      leaves += 1;
    });
    queued.exchange.withdraw();
    expect([queued.answers, leaves, queued.clock.pending]).toMatchObject([[{ failure: 'cancelled' }], 1, 0]);

    const opening = start();
    opening.exchange.starts({ leave: () => {} });
    opening.exchange.withdraw();
    expect(opening.answers).toMatchObject([{ failure: 'cancelled' }]);
    opening.request();
    expect(opening.aborts).toHaveLength(1);
  });

  test('is not given up once it has been sent', () => {
    const { request, exchange, head, end, answers, aborts } = start();
    request();
    exchange.withdraw();
    head(200);
    end();
    expect([answers, aborts]).toMatchObject([[{ kind: 'response', status: 200 }], []]);
  });
});

describe('failures', () => {
  test('before the headers it is the connection, after them the body', () => {
    const before = start();
    before.request();
    before.error('ECONNRESET');
    expect(before.answers).toEqual([{ kind: 'failure', failure: 'connection', code: 'ECONNRESET' }]);
    expect(before.clock.pending).toBe(0);
    const after = start();
    after.head();
    after.error('UND_ERR_SOCKET');
    const head = { status: 200, headers: {} };
    expect(after.answers).toEqual([{ kind: 'failure', failure: 'body', code: 'UND_ERR_SOCKET', head }]);
  });

  test('[D04] once anything came back it is the head', () => {
    const { request, exchange, error, answers } = start();
    request();
    exchange.onResponseStarted();
    error('UND_ERR_HEADERS_OVERFLOW');
    expect(answers).toMatchObject([{ failure: 'head', code: 'UND_ERR_HEADERS_OVERFLOW' }]);
  });

  test('[V15] 204 and 304 end with their headers, whatever comes after', () => {
    for (const status of [204, 304]) {
      const { request, head, error, answers } = start();
      request();
      head(status, { 'content-length': '99' });
      error('UND_ERR_RES_CONTENT_LENGTH_MISMATCH');
      expect(answers).toMatchObject([{ kind: 'response', status, body: Buffer.alloc(0) }]);
    }
  });

  test.each(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])(
    'what the library refuses to send (%s) is not a connection failure',
    code => {
      const { error, answers } = start();
      error(code);
      expect(answers).toMatchObject([{ failure: 'unsendable' }]);
    },
  );

  test('an interim answer starts nothing', () => {
    const { request, head, end, answers, error } = start();
    request();
    head(103);
    expect(answers).toEqual([]);
    error('ECONNRESET');
    expect(answers).toMatchObject([{ failure: 'connection' }]);
    end();
    expect(answers).toHaveLength(1);
  });
});
