import fc from 'fast-check';
import { stringify } from 'yaml';

/** A hubs.yaml as a person might write it, in pieces. */
export interface WrittenFile {
  readonly before: string;
  readonly hubs: readonly WrittenHub[];
  readonly after: string;
  readonly text: string;
}

export interface WrittenHub {
  readonly name: string;
  /** Blank lines and comments above its key. */
  readonly above: string;
  /** From the line of its key to its last line, comments that are further in included. */
  readonly lines: string;
  readonly settings: Settings;
}

type Settings = Readonly<Record<string, unknown>>;

const names = ['chat', 'News', 'a.b', '"quoted"', 'last_one'];

const handler: fc.Arbitrary<Settings> = fc.record(
  {
    urlTemplate: fc.constantFrom('http://h/{event}', 'https://h:8443/x?code=a%20b', 'http://h/', `https://\${HOST}/e`),
    systemEvents: fc.subarray(['connect', 'connected', 'disconnected']),
    userEventPattern: fc.constantFrom('*', 'a, b', 'vote'),
    auth: fc.constantFrom<Settings>(
      { type: 'None' },
      { type: 'ManagedIdentity', managedIdentity: { resource: 'api://x' } },
    ),
    groupPresenceEvents: fc.constant({ eventNames: ['joined', 'left'] }),
    delivery: fc.constantFrom('direct', 'durable'),
  },
  { requiredKeys: ['urlTemplate'] },
);

/** Settings of a hub, valid with the variable HOST. */
export const hubSettings: fc.Arbitrary<Settings> = fc.record(
  {
    anonymousConnectPolicy: fc.constantFrom('allow', 'deny'),
    webSocketKeepAliveIntervalInSeconds: fc.integer({ min: 1, max: 120 }),
    eventHandlers: fc.array(handler, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

const style = fc.record({
  form: fc.constantFrom('block', 'block', 'block', 'flow', 'flow lines', 'none'),
  indent: fc.constantFrom(2, 4),
  isListIndented: fc.boolean(),
  quotes: fc.constantFrom('PLAIN' as const, 'QUOTE_SINGLE' as const, 'QUOTE_DOUBLE' as const),
  /** Where in the hub comments and blank lines are put in: one of the numbers for each line. */
  notes: fc.array(fc.nat(9), { minLength: 8, maxLength: 40 }),
  anchor: fc.boolean(),
});

type Style = typeof style extends fc.Arbitrary<infer T> ? T : never;

/** Any comment, that could be taken for something else. */
const comments = ['# note', '#note: {', '# - item "', "# it's `x`: [1", '#'];

/** The lines below a key, of two spaces or more. */
function linesOf(settings: Settings, { form, indent, isListIndented, quotes }: Style): readonly string[] | string {
  if (form === 'none' || Object.keys(settings).length === 0) return '';
  const options = {
    aliasDuplicateObjects: false,
    lineWidth: 0,
    indent,
    indentSeq: isListIndented,
    defaultStringType: quotes,
  } as const;
  if (form === 'block') {
    return stringify(settings, { ...options, defaultKeyType: 'PLAIN' as const })
      .trimEnd()
      .split('\n');
  }
  const flow = stringify(settings, { ...options, defaultStringType: 'QUOTE_DOUBLE', collectionStyle: 'flow' });
  if (form === 'flow')
    return stringify(settings, {
      ...options,
      defaultStringType: 'QUOTE_DOUBLE',
      collectionStyle: 'flow',
      lineWidth: 0,
    }).trim();
  return JSON.stringify(settings, null, indent) === '{}' ? flow.trim() : JSON.stringify(settings, null, indent);
}

function writtenHub(name: string, settings: Settings, how: Style, base: string): WrittenHub {
  const content = linesOf(settings, how);
  const hub = { name: name.replaceAll('"', ''), settings: content === '' ? {} : settings };
  const { notes, anchor, indent } = how;
  const note = (index: number) => notes[index % notes.length] ?? 0;
  const comment = (index: number) => comments[index % comments.length] as string;
  const above = note(0) < 2 ? `\n${base}${comment(note(1))}\n` : note(0) < 4 ? `${base}${comment(note(1))}\n` : '';
  const behind = (index: number) => (note(index) === 9 ? ` ${comment(index)}` : '');
  const mark = anchor ? ' &own' : '';
  if (typeof content === 'string') {
    const lines = content.split('\n').join(`\n${base}  `);
    return {
      ...hub,
      above,
      lines: `${base}${name}:${mark && content ? `${mark}_${name.replaceAll(/\W/g, '')}` : ''}${content === '' ? '' : ` ${lines}`}${behind(1)}\n`,
    };
  }
  const deeper = base + ' '.repeat(indent);
  const body = content.map((line, index) => {
    const gap = note(index) === 8 ? '\n' : note(index) === 7 ? `${deeper}${comment(index)}\n` : '';
    return `${index === 0 && gap === '\n' ? '' : gap}${deeper}${line}${behind(index)}\n`;
  });
  const end = note(3) === 6 ? `${deeper}# at its end\n` : '';
  const anchored = anchor ? ` &own_${name.replaceAll(/\W/g, '')}` : '';
  return { ...hub, above, lines: `${base}${name}:${anchored}${behind(2)}\n${body.join('')}${end}` };
}

/** Files with one to five hubs among other sections and comments. */
export const writtenFile: fc.Arbitrary<WrittenFile> = fc
  .record({
    hubs: fc.array(fc.tuple(hubSettings, style), { minLength: 1, maxLength: names.length }),
    base: fc.constantFrom('  ', '    '),
    before: fc.constantFrom(
      '',
      '# top\n\n',
      '---\n',
      '%YAML 1.2\n---\n# x\n',
      'delivery: { timeoutInSeconds: 5 } # few\n',
    ),
    after: fc.constantFrom(
      '',
      '# end\n',
      '\n\nlimits:\n    maxConnections:   7\n',
      'auth: { disableLocalAuth: true }\n',
      '...\n',
      '  # further in\n\n',
    ),
    newline: fc.constantFrom('\n', '\n', '\r\n'),
    isCut: fc.boolean(),
  })
  .map(({ hubs, base, before, after, newline, isCut }) => {
    const written = hubs.map(([settings, how], index) => writtenHub(names[index] as string, settings, how, base));
    const convert = (text: string) => text.replaceAll('\n', newline);
    const last = isCut && after === '# end\n' ? '# end' : after;
    const pieces = {
      before: convert(`${before}hubs:\n`),
      hubs: written.map(hub => ({ ...hub, above: convert(hub.above), lines: convert(hub.lines) })),
      after: convert(last),
    };
    const text = pieces.before + pieces.hubs.map(hub => hub.above + hub.lines).join('') + pieces.after;
    return { ...pieces, text };
  });
