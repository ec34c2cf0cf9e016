import { posix } from 'node:path';

/** One file of the program; `path` is relative to `src/`, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly specifier: string;
  /** `import type`: gone once compiled. */
  readonly isType: boolean;
}

/** Where something may be used. An entry is a room, a file, or either with `types of ` in front: `import type` only. */
type Places = readonly string[];

const typesOf = 'types of ';

/** Which rooms, or single files of them, a room may import besides itself. Whoever is not named here is not on the map. */
export const roomImports: Readonly<Record<string, Places>> = {
  main: ['cli'],
  cli: [
    'service',
    'workers',
    'management',
    'types of service-options',
    'clustering',
    'shared-config',
    ...['nats/names.ts', 'nats/options.ts', 'types of nats'],
    'doctor',
    'config',
    'auth',
    'upstream',
    'egress',
    'protocols',
    'errors',
    'logging',
    'log-levels',
    'clock',
    'addresses',
    'urls',
    'folders',
    'hub/observers.ts',
    'hub/roles.ts',
    'outbox/outbox-error.ts',
    ...['settings', 'webhooks/sources.ts'],
  ],
  doctor: [
    ...['config', 'auth', 'upstream', 'egress', 'protocols', 'addresses'],
    ...['types of clock', 'types of hub', 'types of nats'],
    ...['observers', 'permissions', 'roles', 'watches'].map(name => `hub/${name}.ts`),
  ],
  service: [
    ...[
      'service-options',
      'front',
      'outbox-delivery',
      'types of clustering',
      'node-life',
      'sockets',
      'pusher-api',
      'admin',
      'listener',
      'upstream',
      'egress',
      'outbox',
      'webhooks',
      'bridges',
    ],
    ...['backplane', 'config', 'auth', 'hub', 'protocols', 'errors', 'logging', 'clock', 'addresses', 'readiness'],
    ...['settings', 'reloads', 'drain', 'shutdown'],
  ],
  workers: [
    ...[
      'front',
      'admin',
      'listener',
      'config',
      'auth',
      'settings',
      'drain',
      'shutdown',
      'addresses',
      'clock',
      'errors',
      'folders',
    ],
    ...['types of service', 'types of service-options'],
  ],
  front: [
    ...['admin-apis', 'apis', 'admin', 'listener', 'sockets', 'rest', 'addresses'],
    ...['auth', 'hub', 'bridges', 'config', 'upstream', 'pusher-api', 'clock', 'settings', 'readiness'].map(
      room => typesOf + room,
    ),
    ...['types of service-options', 'types of outbox-delivery'],
  ],
  'shared-config': ['nats', 'config', 'clock', 'errors'],
  clustering: [
    ...['cluster-member', 'backplane', 'cluster', 'nats', 'webhooks', 'clock', 'errors'],
    ...['types of auth', 'types of config', 'types of hub', 'types of outbox'],
  ],
  'cluster-member': ['cluster', 'types of nats', 'types of hub', 'types of clock'],
  'node-life': [
    ...['config', 'drain', 'logging', 'types of nats'],
    ...['admin', 'cluster', 'clustering', 'settings', 'service-options'].map(room => typesOf + room),
    ...['hub', 'upstream', 'readiness', 'clock'].map(room => typesOf + room),
  ],
  'service-options': [
    'types of clustering',
    ...['types of sockets', 'types of pusher-api', 'types of listener', 'types of egress', 'types of hub'],
    ...['types of config', 'types of auth', 'types of clock'],
  ],
  'outbox-delivery': [
    ...['line-budget', 'queue-faults', 'errors'],
    ...['outbox', 'webhooks', 'upstream', 'types of admin', 'types of settings', 'types of hub', 'types of egress'],
    'types of bridges',
    'types of clock',
  ],
  'admin-apis': [
    ...['admin', 'management', 'config', 'auth', 'egress', 'types of service-options', 'types of settings'],
    'types of clock',
  ],
  apis: [
    'admin',
    'rest',
    'pusher-api',
    'types of bridges',
    'types of listener',
    'egress',
    'types of hub',
    'auth',
    'types of settings',
    'types of clock',
  ],
  settings: ['types of sockets', 'types of webhooks', 'types of outbox', 'listener', 'config', 'protocols/names.ts'],
  reloads: ['config', 'types of settings', 'types of upstream', 'types of clock', 'errors'],
  drain: ['types of hub', 'clock'],
  shutdown: [
    ...['drain', 'clock'],
    ...['sockets', 'listener', 'upstream', 'hub', 'readiness', 'outbox-delivery'].map(room => typesOf + room),
  ],
  logging: [
    'types of nats',
    'types of cluster',
    'types of hub',
    'hub/roles.ts',
    'line-budget',
    'types of log-levels',
    'clock',
    'urls',
  ],
  'log-levels': [],
  'line-budget': ['types of clock'],
  'queue-faults': ['outbox/outbox-error.ts', 'types of clock'],
  sockets: [
    ...['listener', 'hub', 'protocols', 'frames', 'auth', 'cancellation', 'types of clock', 'types of readiness'],
    'errors',
  ],
  rest: ['listener', 'hub', 'protocols', 'filter', 'auth', 'types of clock', 'errors'],
  'pusher-api': ['listener', 'types of hub', 'protocols', 'auth', 'errors'],
  admin: [
    ...['listener', 'hub', 'protocols', 'config', 'auth', 'types of outbox', 'types of webhooks', 'types of clock'],
    'errors',
  ],
  management: ['listener', 'config', 'protocols/text.ts', 'auth', 'types of clock', 'errors'],
  listener: ['protocols/content-coding.ts', 'clock', 'line-budget', 'errors', 'addresses'],
  upstream: [...['types of hub', 'egress', 'outbox', 'auth', 'protocols', 'types of cancellation', 'clock', 'errors']],
  egress: ['types of cancellation', 'types of clock', 'errors', 'addresses'],
  outbox: ['lock-file', 'nats', 'cancellation', 'clock', 'urls', 'folders'],
  webhooks: [
    'urls',
    ...['types of hub', 'types of protocols', 'egress', 'outbox', 'auth/pusher-signatures.ts'],
    ...['types of cancellation', 'clock', 'errors'],
  ],
  bridges: ['types of hub', 'protocols', 'errors'],
  backplane: ['nats', 'types of hub', 'types of protocols', 'clock', 'errors'],
  nats: ['clock', 'addresses'],
  cluster: ['nats', 'types of hub', 'types of webhooks', 'clock', 'errors'],
  config: [
    ...['upstream/options.ts', 'upstream/url-template.ts', 'upstream/event-pattern.ts', 'protocols/names.ts'],
    ...['options', 'event-types', 'filters', 'targets', 'signatures', 'endpoints'].map(name => `webhooks/${name}.ts`),
    ...['bridges/rules.ts', 'egress/address-guard.ts', 'types of auth/pusher-signatures.ts', 'lock-file'],
    ...['types of clock', 'errors', 'urls'],
  ],
  auth: ['clock', 'errors', 'urls'],
  hub: ['protocols', 'frames', 'filter', 'types of cancellation', 'types of clock', 'errors'],
  protocols: ['frames', 'errors'],
  filter: ['errors'],
  frames: [],
  clock: [],
  cancellation: [],
  'lock-file': [],
  addresses: [],
  urls: ['errors'],
  folders: [],
  readiness: [],
  errors: [],
};

/** Where a library may be imported. */
export const libraryRooms: Readonly<Record<string, Places>> = {
  ws: ['sockets', 'cli', 'doctor'], // clients in the terminal
  fastify: [
    'listener',
    'admin',
    'types of rest',
    'types of pusher-api',
    'types of management',
    'types of apis',
    'types of service',
    'types of workers',
  ],
  cloudevents: ['upstream'],
  undici: ['egress'],
  'tough-cookie': ['upstream'],
  jsonwebtoken: ['auth'],
  'jwks-rsa': ['auth'],
  '@azure/identity': ['auth'],
  commander: ['cli'],
  'prom-client': ['admin'],
  pino: [
    'logging',
    ...['service', 'service-options', 'front', 'admin-apis', 'apis', 'outbox-delivery', 'reloads', 'shutdown'].map(
      room => typesOf + room,
    ),
    'types of workers',
  ],
  'pino-pretty': ['logging'],
  yaml: ['config', 'cli/output/yaml.ts'],
  '@jmespath-community/jmespath': ['cli'],
  ajv: ['config'],
  '@sinclair/typebox': ['config', 'rest', 'hub/session.ts'],
  chokidar: ['config'],
  'fastest-levenshtein': ['config', 'hub', 'webhooks'],
  re2js: ['webhooks'],
  '@aws-sdk/client-lambda': ['webhooks'],
  lmdb: ['outbox'],
  '@redis/client': ['outbox'],
  '@aws-sdk/client-sqs': ['outbox'],
  'sorted-btree': ['outbox'],
  '@nats-io/transport-node': ['nats', 'backplane', 'cluster', 'outbox'],
  '@nats-io/jetstream': ['nats', 'cluster', 'outbox'],
  '@nats-io/kv': ['nats', 'cluster'],
  '@bufbuild/protobuf': ['protocols'],
  'lru-cache': Object.keys(roomImports), // a data structure
};

/** Rooms without a clock, a network or a disk, and the only modules of Node that one of their files may import. */
const pureRooms: readonly string[] = ['frames', 'filter', 'protocols', 'hub'];
const nodeModulesOfPureFiles: Readonly<Record<string, Places>> = {
  'hub/admission.ts': ['node:crypto'],
  'protocols/text.ts': ['node:buffer', 'node:util'],
};

interface TextRule {
  readonly pattern: RegExp;
  readonly isBound: (room: string) => boolean;
  readonly rule: string;
}

const textRules: readonly TextRule[] = [
  { pattern: /\bconsole\s*\./, isBound: () => true, rule: 'nothing is written to the console: use the logger' },
  {
    pattern: /\bprocess\s*\.\s*env\b/,
    isBound: room => room !== 'main' && room !== 'cli',
    rule: 'only main and cli read the environment',
  },
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|Date\.now|new Date|performance\.now)\b/,
    isBound: room => pureRooms.includes(room),
    rule: 'time comes from the Clock port',
  },
  {
    pattern: /\b(?:Date|performance)\.now\b/,
    isBound: room => room !== 'clock' && !pureRooms.includes(room),
    rule: 'a reading of time is one of the Clock: now() or monotonicMs()',
  },
  {
    pattern: /\bmkdir(?:Sync)?\b/,
    isBound: room => room !== 'folders',
    rule: 'folders are made by makeFolder, which always returns',
  },
  {
    pattern: /\bimport\(\s*[^'"\s]|\b(?:require|createRequire)\(/,
    isBound: () => true,
    rule: 'imports name what they import',
  },
];

/** What breaks the map of the tree, each as `file: rule`; empty when all is well. */
export function violations(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const graph = new Map<string, string[]>();
  const broken: string[] = [];
  for (const { path, text } of files) {
    const code = withoutComments(text);
    const imports = importsOf(code);
    const targets = importsWithin(path, imports);
    graph.set(
      path,
      targets.map(({ target }) => target),
    );
    const found = [
      ...targets.map(({ target, isType }) => roomFault(path, target, isType, paths)),
      ...imports
        .filter(found => !isRelative(found))
        .map(({ specifier, isType }) => libraryFault(path, specifier, isType)),
      ...textRules
        .filter(({ isBound, pattern }) => isBound(roomOf(path)) && pattern.test(code))
        .map(({ rule }) => rule),
    ];
    broken.push(...found.filter(rule => rule !== undefined).map(rule => `${path}: ${rule}`));
  }
  return [...broken, ...cycles(graph)];
}

/** An import of one file of the program by another. */
export interface FileImport {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

/** Every import within the program; one that is written twice counts twice. */
export function fileImports(files: readonly SourceFile[]): FileImport[] {
  return files.flatMap(({ path, text }) =>
    importsWithin(path, importsOf(withoutComments(text))).map(({ target, isType }) => ({
      from: path,
      to: target,
      isType,
    })),
  );
}

function importsWithin(path: string, imports: readonly Import[]): (Import & { readonly target: string })[] {
  return imports.filter(isRelative).map(found => ({ ...found, target: resolve(path, found.specifier) }));
}

/** Imports of what lies outside the sample's own folder, each as `file: rule`. `path` is relative to that folder. */
export function sampleViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    importsOf(withoutComments(text))
      .filter(found => isOutside(path, found) || found.specifier.split('/')[0] === 'hubwire')
      .map(({ specifier }) => `${path}: a sample does not import ${specifier}`),
  );
}

/** Static, re-exporting, side-effect and dynamic imports. With `import { type T }` the module is still loaded. */
export function importsOf(code: string): Import[] {
  const clauses = code.matchAll(
    /^\s*(?:import|export)\b(\s+type\b(?!\s*,|\s+from))?[\w\s,*{}$]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  );
  const plain = code.matchAll(/^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm);
  return [
    ...Array.from(clauses, ([, type, specifier = '']) => ({ specifier, isType: type !== undefined })),
    ...Array.from(plain, ([, bare, dynamic]) => ({ specifier: bare ?? dynamic ?? '', isType: false })),
  ];
}

/** Strings are matched first, so that a URL in one is not taken for a comment. */
function withoutComments(text: string): string {
  const token = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(token, (_whole, string: string | undefined) => string ?? ' ');
}

function isRelative({ specifier }: Import): boolean {
  return specifier.startsWith('.');
}

function isOutside(path: string, found: Import): boolean {
  return isRelative(found) && resolve(path, found.specifier).startsWith('..');
}

function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
}

/** The folder, or the name of a file that is a room of its own. */
export function roomOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path.replace(/\.ts$/, '') : path.slice(0, slash);
}

function roomFault(path: string, target: string, isType: boolean, paths: ReadonlySet<string>): string | undefined {
  const room = roomOf(path);
  const allowed = roomImports[room];
  if (allowed === undefined) return `${room} is not on the map`;
  if (!paths.has(target)) return `${target} is not a file of src`;
  if (roomOf(target) === room || isAllowed(allowed, [roomOf(target), target], isType)) return undefined;
  return `${room} may not import ${isType ? typesOf : ''}${target}`;
}

function libraryFault(path: string, specifier: string, isType: boolean): string | undefined {
  const room = roomOf(path);
  if (specifier.startsWith('node:')) {
    const isFree = !pureRooms.includes(room) || nodeModulesOfPureFiles[path]?.includes(specifier);
    return isFree ? undefined : `${room} may not import ${specifier}`;
  }
  const library = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  const allowed = libraryRooms[library];
  if (allowed === undefined) return `library ${library} has no room`;
  return isAllowed(allowed, [room, path], isType)
    ? undefined
    : `${room} may not import ${isType ? typesOf : ''}library ${library}`;
}

function isAllowed(places: Places, names: readonly string[], isType: boolean): boolean {
  return names.some(name => places.includes(name) || (isType && places.includes(typesOf + name)));
}

/** Each file that can reach itself, with one way round; type imports count. */
export function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`${path}: import cycle ${[...trail.slice(start), path].join(' → ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
