import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { hasProgram, mustAllRun } from './not-run.js';

const run = promisify(execFile);
const certificates = 'etc/ssl/certs/ca-certificates.crt';

/** What Node needs, as in a distroless image: there is no shell. */
const runtimePackages = ['libc6', 'libstdc++6', 'libgcc-s1', 'ca-certificates', 'tzdata'];
/** What a build needs beside: npm's and the Dockerfile's commands, and their libraries. */
const buildPackages = [
  ...['dash', 'coreutils', 'tar', 'gzip', 'sed'],
  ...['libacl1', 'libattr1', 'libgmp10', 'libselinux1', 'libpcre2-8-0'],
];

/** Why images cannot be built here; undefined when they can. */
export function whyNoImages(): string | undefined {
  if (!mustAllRun) return 'building an image takes minutes; HUBWIRE_TEST_ALL=1 includes it';
  if (process.platform !== 'linux') return 'images are built on Linux only';
  if (process.getuid?.() !== 0) return 'building an image here takes root';
  const missing = ['buildah', 'apt-get', 'dpkg-deb', 'npm'].filter(name => !hasProgram(name));
  return missing.length === 0 ? undefined : `${missing.join(', ')} missing; test/setup.sh installs what it can`;
}

/** Images in a storage of their own, which needs no engine, no registry and no namespaces. */
export class ImageStore {
  readonly #folder: string;
  readonly #storage: readonly string[];

  constructor(folder: string) {
    this.#folder = folder;
    this.#storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  }

  /** @throws with what buildah wrote */
  async buildah(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('buildah', [...this.#storage, command, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  }

  /** @param context the folder with the Dockerfile */
  async build(context: string, name: string): Promise<void> {
    const { base, buildBase } = await this.#makeBases();
    // Docker's format, since the other one has no health check; npm's cache, since all of it has just been installed here.
    const options = ['--isolation', 'chroot', '--format', 'docker', '--pull-never', '-t', name];
    const cache = ['--volume', `${await npmSetting('cache')}:/root/.npm`];
    const bases = ['--build-arg', `BASE=${base}`, '--build-arg', `BUILD_BASE=${buildBase}`];
    await this.buildah('build', ...options, ...cache, ...bases, context);
  }

  /** Runs a program in a container, as the image's user. */
  start(container: string, env: Readonly<Record<string, string>>, command: readonly string[]): ChildProcess {
    const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    return spawn(
      'buildah',
      [...this.#storage, 'run', '--isolation', 'chroot', ...settings, container, '--', ...command],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
  }

  /** Two images of Debian's packages with this very Node, one to run on and one to build in. No registry of images is needed. */
  async #makeBases(): Promise<{ readonly base: string; readonly buildBase: string }> {
    const packages = join(this.#folder, 'packages');
    await mkdir(packages);
    await run('apt-get', ['download', '-q', ...runtimePackages, ...buildPackages], { cwd: packages });
    const base = await this.#makeBase('base', packages, runtimePackages);
    const buildBase = await this.#makeBase('build-base', packages, [...runtimePackages, ...buildPackages], addNpm);
    return { base, buildBase };
  }

  async #makeBase(
    name: string,
    packages: string,
    wanted: readonly string[],
    add: (tree: string) => Promise<void> = async () => {},
  ): Promise<string> {
    const tree = join(this.#folder, name);
    await mkdir(tree);
    const files = await readdir(packages);
    for (const each of wanted) {
      const file = files.find(file => file.startsWith(`${each}_`)) ?? '';
      await run('dpkg-deb', ['-x', join(packages, file), tree]);
    }
    // Newer releases of Debian leave these links to a package that nothing else here needs.
    for (const each of ['bin', 'lib', 'lib64']) {
      const isMoved = existsSync(join(tree, 'usr', each)) && !existsSync(join(tree, each));
      if (isMoved) await symlink(`usr/${each}`, join(tree, each));
    }
    for (const folder of ['tmp', 'root', 'usr/bin', 'etc/ssl/certs'])
      await mkdir(join(tree, folder), { recursive: true });
    await chmod(join(tree, 'tmp'), 0o1777);
    await copyFile(process.execPath, join(tree, 'usr/bin/node'));
    if (existsSync(`/${certificates}`)) await copyFile(`/${certificates}`, join(tree, certificates));
    await add(tree);
    const container = await this.buildah('from', 'scratch');
    await this.buildah('copy', '-q', container, tree, '/');
    const registry = await npmSetting('registry');
    const env = ['PATH=/usr/bin:/bin', `NODE_EXTRA_CA_CERTS=/${certificates}`, `npm_config_registry=${registry}`];
    await this.buildah('config', ...env.flatMap(each => ['--env', each]), container);
    await this.buildah('commit', '-q', container, name);
    await this.buildah('rm', container);
    return `localhost/${name}`;
  }
}

async function npmSetting(name: string): Promise<string> {
  return (await run('npm', ['config', 'get', name])).stdout.trim();
}

async function addNpm(tree: string): Promise<void> {
  const { stdout } = await run('sh', ['-c', 'command -v npm']);
  const npm = dirname(dirname(realpathSync(stdout.trim())));
  await cp(npm, join(tree, 'usr/lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(tree, 'usr/bin/npm'));
}

/** The last of a chain of processes that each started the next one: what buildah runs. Linux only. */
export function innermostProcess(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap(task => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '));
  const child = children.find(each => each !== '');
  return child === undefined ? pid : innermostProcess(Number(child));
}
