import { type Checks, expectEqual, type NotOffered, within } from './checks.js';
import type { ClientBench, ClientOptions } from './client-bench.js';
import { clientChecks } from './client-checks.js';
import type { PusherJs } from './library.js';

const data = { text: 'grüße ☃', list: [1, 2.5, null] };

/** What the checks use of laravel-echo. */
export interface Echo {
  channel(name: string): EchoChannel;
  private(name: string): EchoChannel;
  encryptedPrivate(name: string): EchoChannel;
  join(name: string): EchoPresence;
  leave(name: string): void;
  socketId(): string | undefined;
}

interface EchoChannel {
  listen(event: string, listener: (data: unknown) => void): this;
  listenForWhisper(event: string, listener: (data: unknown) => void): this;
  subscribed(listener: () => void): this;
  error(listener: (error: { status?: number }) => void): this;
  whisper(event: string, data: unknown): this;
}

interface EchoPresence extends EchoChannel {
  here(listener: (users: unknown[]) => void): this;
  joining(listener: (user: unknown) => void): this;
  leaving(listener: (user: unknown) => void): this;
}

export type EchoConstructor = new (options: { broadcaster: 'pusher'; key: string; client: PusherJs }) => Echo;

/** The library's functions take listeners; here they are awaited. */
function next<T>(what: string, listen: (listener: (value: T) => void) => unknown): Promise<T> {
  return within(new Promise<T>(resolve => listen(resolve)), what);
}

/** @returns the checks; rows of which Echo has nothing of its own are those of its pusher-js */
export function echoChecks(library: EchoConstructor): Checks<ClientBench> {
  const echo = async (bench: ClientBench, options: ClientOptions = {}) =>
    new library({ broadcaster: 'pusher', key: bench.world.key, client: await bench.connected(options) });

  async function arrives(bench: ClientBench, channel: EchoChannel, name: string): Promise<void> {
    await next('subscribed', listener => channel.subscribed(() => listener(undefined)));
    const event = next('the event', listener => channel.listen('.greeting', listener));
    await bench.trigger(name, 'greeting', data);
    expectEqual(await event, data, 'the data');
  }

  const own: Checks<ClientBench> = {
    'client.connect': async bench => {
      const client = await bench.connected();
      const found = new library({ broadcaster: 'pusher', key: bench.world.key, client }).socketId();
      expectEqual(found, client.connection.socket_id, 'the socket id');
    },
    'client.public': async bench => {
      const name = bench.own('channel');
      await arrives(bench, (await echo(bench)).channel(name), name);
    },
    'client.private': async bench => {
      const name = bench.own('channel');
      await arrives(bench, (await echo(bench)).private(name), `private-${name}`);
    },
    'client.encrypted': async bench => {
      const name = bench.own('channel');
      await arrives(bench, (await echo(bench)).encryptedPrivate(name), `private-encrypted-${name}`);
    },
    'client.privateRefused': async bench => {
      const channel = (await echo(bench, { authPath: '/wrong-auth' })).private(bench.own('channel'));
      const error = await next<{ status?: number }>('the error', listener => channel.error(listener));
      expectEqual(error.status, 401, 'the status');
    },
    'client.presence': async bench => {
      const name = bench.own('channel');
      const [ann, ben] = [bench.own('ann'), bench.own('ben')];
      const first = (await echo(bench, { userId: ann })).join(name);
      expectEqual(await next('here', listener => first.here(listener)), [{ name: `The ${ann}` }], 'who is here');
      const joining = next('joining', listener => first.joining(listener));
      const leaving = next('leaving', listener => first.leaving(listener));
      const other = await echo(bench, { userId: ben });
      other.join(name);
      expectEqual(await joining, { name: `The ${ben}` }, 'who comes');
      other.leave(name);
      expectEqual(await leaving, { name: `The ${ben}` }, 'who goes');
    },
    'client.clientEvent': async bench => {
      const name = bench.own('channel');
      const [sender, receiver] = [(await echo(bench)).private(name), (await echo(bench)).private(name)];
      const both = [sender, receiver].map(channel =>
        next('subscribed', listener => channel.subscribed(() => listener(undefined))),
      );
      await Promise.all(both);
      const whisper = next('the whisper', listener => receiver.listenForWhisper('note', listener));
      sender.whisper('note', data);
      expectEqual(await whisper, data, 'the data');
    },
    'client.unsubscribe': async bench => {
      const name = bench.own('channel');
      const one = await echo(bench);
      const left = one.channel(name);
      await next('subscribed', listener => left.subscribed(() => listener(undefined)));
      let count = 0;
      left.listen('.greeting', () => {
        count += 1;
      });
      one.leave(name);
      const marker = one.channel(bench.own('after'));
      await arrives(bench, marker, bench.own('after'));
      await bench.trigger(name, 'greeting', data);
      const second = next('the marker', listener => marker.listen('.marker', listener));
      await bench.trigger(bench.own('after'), 'marker', data);
      await second;
      expectEqual(count, 0, 'events after leaving');
    },
  };
  const none: NotOffered = { notOffered: 'through its pusher-js' };
  const others = Object.keys(clientChecks).filter(feature => !(feature in own));
  return { ...own, ...Object.fromEntries(others.map(feature => [feature, none])) };
}
