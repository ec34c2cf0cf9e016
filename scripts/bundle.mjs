// Bundles the compiled modules in build/, with the packages that they use, into dist/lib: loading 1,400 small files takes longer
// than all else that a start does. Names and lines stay readable, for stack traces.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licencesOf } from './licences.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist/lib');
const { engines, peerDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
/**
 * Loaded from node_modules: what writes each frame, since a fan-out takes 2 to 10 % more processor time with it in the bundle; a native
 * module; packages that few services need, when they are used.
 */
const loadedFromPackages = ['ws', 'lmdb', '@azure/identity', ...Object.keys(peerDependencies)];

// Code of dist/lib finds the files of the package two folders up, as that of src/cli and build/cli does.
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    main: 'build/main.js',
    'check-file': 'build/outbox/drivers/check-file.js', // a process of its own
  },
  outdir: target,
  external: loadedFromPackages,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
  // CommonJS packages call `require` for Node's own modules, which an ES module does not have.
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
});

const written = new Set(Object.keys(metafile.outputs).map(path => basename(path)));
const old = (await readdir(target)).filter(name => !written.has(name));
await Promise.all(old.map(name => rm(join(target, name))));

const oldest = engines.node.replace('>=', '');
const [oldestMajor, oldestMinor] = oldest.split('.').map(Number);
/** What starts. It has to run under Node versions that cannot load the rest, and says so there. */
const entry = `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < ${oldestMajor} || (major === ${oldestMajor} && minor < ${oldestMinor})) {
  console.error('hubwire: Node.js ${oldest} or newer is needed, and this is ' + process.versions.node + ': ' + process.execPath);
  process.exit(1);
}
await import('./lib/main.js');
`;
await writeFile(join(root, 'dist/main.js'), entry, { mode: 0o755 });
await writeFile(join(root, 'dist/LICENSES.txt'), await licencesOf(root, [metafile]));
