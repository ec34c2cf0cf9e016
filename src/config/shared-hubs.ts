import type { Config } from './config.js';
import type { Environment } from './environment.js';
import { maxConfigBytes, parseConfig, tooLarge } from './load.js';
import { ConfigError } from './problems.js';
import { type ConfigWatch, type WatchOptions, watchConfig } from './watch.js';

/** A hubs.yaml that is no file of this machine, as one that the nodes of a cluster share. */
export interface SharedHubs {
  /** Where messages name a file: `NATS, bucket hw_config (revision 3)`. */
  readonly name: string;
  /** As it was read last. */
  readonly text: string;
  /** Brings the text up to date, now. Never rejects. */
  refresh(): Promise<void>;
  /** Gives another text to all nodes. @param before what it replaces @throws as a rejection: PubSubError `conflict` when that is not the text any more */
  replace(before: string, after: string): Promise<void>;
  /** @param listener is called when somebody else has written another text @returns a function that removes it */
  onChanged(listener: () => void): () => void;
}

/** @throws ConfigError */
export function parseShared({ name, text }: Pick<SharedHubs, 'name' | 'text'>, env: Environment): Config {
  if (Buffer.byteLength(text) > maxConfigBytes) throw tooLarge(name);
  return parseConfig(text, { file: name, env });
}

/** An edit of another process of this service, which is used at once, comes before the offer. */
const offerAfterMs = 100;

type HubsWatchOptions = WatchOptions & { readonly running: Config };

/** As `watchConfig`, of a file or of what is shared in place of it. */
export function watchHubs(file: string, shared: SharedHubs | undefined, options: HubsWatchOptions): ConfigWatch {
  return shared === undefined ? watchConfig(file, options) : followShared(shared, options);
}

function followShared(shared: SharedHubs, options: HubsWatchOptions): ConfigWatch {
  let last = options.running.source.text;
  let work = Promise.resolve();
  let cancel = () => {};
  const offer = async () => {
    if (shared.text === last) return;
    last = shared.text;
    try {
      await options.onConfig(parseShared(shared, options.env));
    } catch (error) {
      options.onError(
        error instanceof ConfigError ? error : ConfigError.ofFile(shared.name, 'it could not be applied', error),
      );
    }
  };
  const check = () => {
    cancel();
    cancel = options.clock.after(offerAfterMs, () => {
      work = work.then(offer);
    });
  };
  const remove = shared.onChanged(check);
  check(); // it may be another one since the running one was read
  return {
    written(text) {
      last = text;
    },
    async close() {
      remove();
      cancel();
    },
  };
}
