import { mkdir } from 'node:fs/promises';
import { startBrowser } from '../../support/browser.js';
import { tool } from '../../support/installs.js';
import { buildGo, type Command, cache, folder, installNpm, installPython, pinned, type Suite } from '../suites.js';

/** Rows of features.json that are about clients; the others are about server libraries. */
export const isOfClients = (feature: string) => feature.startsWith('client.');
const everything = () => true;

const ofNpm = (name: string) => pinned(name, 'pusher/javascript/package.json', `"${name}": "`);

/** @param library what main.ts checks */
async function javascript(library: string): Promise<Command> {
  const cwd = await installNpm('pusher/javascript');
  return { file: process.execPath, args: ['--import', import.meta.resolve('tsx'), 'main.ts', library], cwd };
}

async function chromium(): Promise<Command> {
  const browser = await startBrowser();
  if (browser === undefined) throw new Error('there is no Chromium; test/setup.sh installs it');
  await browser.close();
  return javascript('chromium');
}

const clientOptions = '`cluster` (any text), `wsHost`, `wsPort`, `forceTLS: false`, `enabledTransports: ["ws"]`';

/** Pusher's server libraries. */
export const serverSuites: readonly Suite[] = [
  {
    language: 'pusher-node',
    column: 'Node',
    packages: [ofNpm('pusher')],
    needs: '`host`, `port`, `useTLS: false`',
    covers: everything,
    prepare: () => javascript('pusher'),
  },
  {
    language: 'pusher-python',
    column: 'Python',
    packages: [pinned('pusher', 'pusher/python/requirements.txt', 'pusher==')],
    needs: '`host`, `port`, `ssl=False`',
    covers: everything,
    async prepare() {
      const python = await installPython('pusher/python', 'pusher-python');
      return { file: python, args: ['-B', 'main.py'], cwd: folder('pusher/python') };
    },
  },
  {
    language: 'pusher-go',
    column: 'Go',
    packages: [pinned('pusher-http-go', 'pusher/go/go.mod', '/pusher-http-go/v5 v')],
    needs: '`Host` with the port',
    covers: everything,
    prepare: async () => ({ file: await buildGo('pusher/go', 'pusher-go'), args: [], cwd: folder('pusher/go') }),
  },
  {
    language: 'pusher-ruby',
    column: 'Ruby',
    packages: [pinned('pusher', 'pusher/ruby/Gemfile', "gem 'pusher', '")],
    needs: '`host`, `port`, `use_tls: false`',
    covers: everything,
    async prepare() {
      const cwd = folder('pusher/ruby');
      await tool('bundle', ['--version'], cwd);
      const gems = await cache('pusher-ruby');
      const env = [`BUNDLE_GEMFILE=${cwd}/Gemfile`, `BUNDLE_PATH=${gems}`, `BUNDLE_LOCKFILE=${gems}/Gemfile.lock`];
      await tool('env', [...env, 'bundle', 'install', '--quiet'], cwd);
      return { file: 'env', args: [...env, 'bundle', 'exec', 'ruby', 'main.rb'], cwd };
    },
  },
  {
    language: 'pusher-php',
    column: 'PHP',
    packages: [pinned('pusher/pusher-php-server', 'pusher/php/composer.json', '"pusher/pusher-php-server": "')],
    needs: '`host`, `port`, `useTLS` = `false`',
    covers: everything,
    async prepare() {
      const cwd = folder('pusher/php');
      await tool('composer', ['--version'], cwd);
      const vendor = await cache('pusher-php');
      await mkdir(vendor, { recursive: true });
      await tool('env', [`COMPOSER_VENDOR_DIR=${vendor}`, 'composer', 'install', '--quiet', '--no-interaction'], cwd);
      return { file: 'php', args: ['main.php', `${vendor}/autoload.php`], cwd };
    },
  },
];

export const clientSuites: readonly Suite[] = [
  {
    language: 'pusher-js',
    column: 'pusher-js in Node',
    packages: [ofNpm('pusher-js')],
    needs: clientOptions,
    covers: everything,
    prepare: () => javascript('pusher-js'),
  },
  {
    language: 'pusher-js-chromium',
    column: 'pusher-js in Chromium',
    packages: [ofNpm('pusher-js')],
    needs: clientOptions,
    covers: everything,
    prepare: chromium,
  },
  {
    language: 'laravel-echo',
    column: 'Laravel Echo',
    packages: [ofNpm('laravel-echo'), ofNpm('pusher-js')],
    needs: 'the same, in its `client`',
    covers: everything,
    prepare: () => javascript('laravel-echo'),
  },
];
