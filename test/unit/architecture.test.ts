import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../support/doc-pages.js';
import { importsOf, libraryRooms, roomImports, sampleViolations, violations } from '../support/import-graph.js';
import { filesIn, programFiles } from '../support/source-files.js';

function dependencies(): string[] {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    dependencies: object;
    peerDependencies: object; // loaded where they are installed, for what few people use
  };
  return Object.keys({ ...dependencies, ...peerDependencies });
}

describe('the program', () => {
  const files = programFiles();

  test('every import follows the map of the tree, and there is no cycle', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(violations(files)).toEqual([]);
  });

  test('every room of the tree is on the map', () => {
    const rooms = new Set(files.map(({ path }) => path.split('/')[0]?.replace(/\.ts$/, '')));
    expect([...rooms].filter(room => room === undefined || !(room in roomImports))).toEqual([]);
  });

  test('every library with a room is installed with the program, not only for its development', () => {
    const used = files.flatMap(({ text }) => importsOf(text).map(({ specifier }) => specifier));
    const libraries = Object.keys(libraryRooms).filter(name =>
      used.some(path => path === name || path.startsWith(`${name}/`)),
    );
    expect(libraries.length).toBeGreaterThan(10);
    expect(libraries.filter(name => !dependencies().includes(name))).toEqual([]);
  });

  test('samples import nothing of it', () => {
    const isCode = (path: string) => /\.(m?js|ts|tsx)$/.test(path) && !/(^|\/)(node_modules|dist)\//.test(path);
    const samples = filesIn('samples/chat', isCode);
    expect(samples.length).toBeGreaterThan(1);
    expect(sampleViolations(samples)).toEqual([]);
  });
});

/** A small tree that keeps every rule. */
const sound: Readonly<Record<string, string>> = {
  'main.ts': `import { run } from './cli/run.js';\nrun(process.env);`,
  'cli/run.ts': `import { Command } from 'commander';\nimport { Service } from '../service.js';\nprocess.env.HOME;`,
  'service.ts': `import type { FastifyInstance } from 'fastify';\nimport { Gateway } from './sockets/gateway.js';\nimport { send } from './upstream/send.js';`,
  'sockets/gateway.ts': `import { WebSocketServer } from 'ws';\nimport { createServer } from 'node:http';\nimport {\n  Hub,\n  type Clock,\n} from '../hub/hub.js';\nsetTimeout(run, 1); // process.env, console.log`,
  'rest/server.ts': `import type { FastifyInstance } from 'fastify';\nimport { Hub } from '../hub/hub.js';`,
  'listener/public-server.ts': `import { fastify } from 'fastify';`,
  'egress/send.ts': `import { Pool } from 'undici';`,
  'upstream/send.ts': `import type { Clock } from '../hub/hub.js';\nconst url = 'http://a//b'; /* console.log */`,
  'upstream/options.ts': 'export const defaults = {};',
  'config/load.ts': `import { defaults } from '../upstream/options.js';\nimport { parse } from 'yaml';`,
  'auth/keys.ts': `import { PubSubError } from '../errors.js';\nconst identity = await import('@azure/identity');`,
  'hub/hub.ts': `import { protocols } from '../protocols/index.js';\nexport { admit } from './admission.js';\n/** Date.now is not for us. */`,
  'hub/admission.ts': `import { randomBytes } from 'node:crypto';\nimport { LRUCache } from 'lru-cache';`,
  'hub/observers.ts': '',
  'protocols/index.ts': `import { fromBinary } from '@bufbuild/protobuf/wkt';\nimport { PubSubError } from '../errors.js';`,
  'errors.ts': 'export class PubSubError extends Error {}',
};

/** What is found when the sound tree has these files too, or instead. */
function brokenBy(files: Readonly<Record<string, string>>): string[] {
  return violations(Object.entries({ ...sound, ...files }).map(([path, text]) => ({ path, text })));
}

describe('the checker', () => {
  test('finds nothing in a sound tree', () => {
    expect(brokenBy({})).toEqual([]);
  });

  test.each([
    ['hub/new.ts', `import { Gateway } from '../sockets/gateway.js';`, 'hub may not import sockets/gateway.ts'],
    [
      'hub/new.ts',
      `import type { Gateway } from '../sockets/gateway.js';`,
      'hub may not import types of sockets/gateway.ts',
    ],
    ['hub/new.ts', `export * from '../sockets/gateway.js';`, 'hub may not import sockets/gateway.ts'],
    ['hub/new.ts', `export type { A } from '../sockets/gateway.js';`, 'hub may not import types of sockets/gateway.ts'],
    ['hub/new.ts', `const { A } = await import('../auth/keys.js');`, 'hub may not import auth/keys.ts'],
    ['hub/new.ts', `import '../auth/keys.js';`, 'hub may not import auth/keys.ts'],
    ['protocols/new.ts', `import {\n  Hub,\n} from "../hub/hub.js";`, 'protocols may not import hub/hub.ts'],
    ['rest/new.ts', `import { Gateway } from '../sockets/gateway.js';`, 'rest may not import sockets/gateway.ts'],
    ['sockets/new.ts', `import { server } from '../rest/server.js';`, 'sockets may not import rest/server.ts'],
    ['upstream/new.ts', `import { Hub } from '../hub/hub.js';`, 'upstream may not import hub/hub.ts'],
    ['upstream/new.ts', `import { type Clock } from '../hub/hub.js';`, 'upstream may not import hub/hub.ts'],
    ['backplane/new.ts', `import { Hub } from '../hub/hub.js';`, 'backplane may not import hub/hub.ts'],
    ['auth/new.ts', `import { protocols } from '../protocols/index.js';`, 'auth may not import protocols/index.ts'],
    ['config/new.ts', `import { send } from '../upstream/send.js';`, 'config may not import upstream/send.ts'],
    ['cli/new.ts', `import { Hub } from '../hub/hub.js';`, 'cli may not import hub/hub.ts'],
    ['sockets/new.ts', `import { Service } from '../service.js';`, 'sockets may not import service.ts'],
    ['errors.ts', `import { protocols } from './protocols/index.js';`, 'errors may not import protocols/index.ts'],
    ['helpers/new.ts', `import { PubSubError } from '../errors.js';`, 'helpers is not on the map'],
    ['rest/new.ts', `import { run } from '../../test/run.js';`, '../test/run.ts is not a file of src'],
    ['rest/new.ts', `import { gone } from './gone.js';`, 'rest/gone.ts is not a file of src'],
  ])('%s with %s', (path, text, rule) => {
    expect(brokenBy({ [path]: text })).toContain(`${path}: ${rule}`);
  });

  test.each([
    ['rest/new.ts', `import { WebSocket } from 'ws';`, 'rest may not import library ws'],
    ['rest/new.ts', `import type { WebSocket } from 'ws';`, 'rest may not import types of library ws'],
    ['service.ts', `import { fastify } from 'fastify';`, 'service may not import library fastify'],
    ['hub/new.ts', `import { Pool } from 'undici';`, 'hub may not import library undici'],
    [
      'hub/new.ts',
      `import { AnySchema } from '@bufbuild/protobuf/wkt';`,
      'hub may not import library @bufbuild/protobuf',
    ],
    [
      'upstream/new.ts',
      `const x = await import('@azure/identity');`,
      'upstream may not import library @azure/identity',
    ],
    ['rest/new.ts', `import lodash from 'lodash/fp';`, 'library lodash has no room'],
    ['hub/new.ts', `import { randomBytes } from 'node:crypto';`, 'hub may not import node:crypto'],
    ['hub/admission.ts', `import { connect } from 'node:net';`, 'hub may not import node:net'],
    [
      'protocols/new.ts',
      `import { setTimeout } from 'node:timers/promises';`,
      'protocols may not import node:timers/promises',
    ],
    ['hub/new.ts', 'const now = Date.now();', 'time comes from the Clock port'],
    ['upstream/new.ts', 'const now = Date.now();', 'a reading of time is one of the Clock: now() or monotonicMs()'],
    ['protocols/new.ts', 'setTimeout(run, 5);', 'time comes from the Clock port'],
    ['upstream/new.ts', 'const home = process.env.HOME;', 'only main and cli read the environment'],
    ['rest/new.ts', `const url = 'http://a'; console.log(url);`, 'nothing is written to the console: use the logger'],
    ['outbox/new.ts', 'mkdirSync(path, { recursive: true });', 'folders are made by makeFolder, which always returns'],
    ['rest/new.ts', 'await import(name);', 'imports name what they import'],
    ['rest/new.ts', `const ws = createRequire(import.meta.url)('ws');`, 'imports name what they import'],
  ])('%s with %s', (path, text, rule) => {
    expect(brokenBy({ [path]: text })).toContain(`${path}: ${rule}`);
  });

  test('a cycle is found, of types too, and shown', () => {
    const found = brokenBy({
      'rest/a.ts': `import { b } from './b.js';`,
      'rest/b.ts': `import type { C } from './c.js';`,
      'rest/c.ts': `export { a } from './a.js';`,
    });
    expect(found).toEqual(['rest/a.ts: import cycle rest/a.ts → rest/b.ts → rest/c.ts → rest/a.ts']);
  });

  test('a sample may import its own files and libraries only', () => {
    const text = `import express from 'express';\nimport { a } from './public/a.js';\nimport { Hub } from '../../src/hub/hub.js';\nimport h from 'hubwire';`;
    expect(sampleViolations([{ path: 'server.js', text }])).toEqual([
      'server.js: a sample does not import ../../src/hub/hub.js',
      'server.js: a sample does not import hubwire',
    ]);
  });
});
