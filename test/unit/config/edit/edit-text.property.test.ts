import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { YamlText } from '../../../../src/config/edit/yaml-text.js';
import { parseConfig } from '../../../../src/config/load.js';
import { hub as schema } from '../../../../src/config/schema/hub.js';
import { edited as editedYaml } from '../../../support/edited.js';
import { hubSettings, type WrittenFile, writtenFile } from '../../../support/hubs-files.js';

const editText = (text: string, path: [string, string], of: typeof schema, settings: object | undefined) =>
  editedYaml(new YamlText(text), path, of, settings as never).text;

const env = { HOST: 'host.example' };
const read = (text: string) => parseConfig(text, { file: 'hubs.yaml', env });

/** The pieces of the file on both sides of a hub. */
function around({ before, hubs, after }: WrittenFile, index: number): readonly [string, string] {
  const text = (list: WrittenFile['hubs']) => list.map(({ above, lines }) => above + lines).join('');
  return [before + text(hubs.slice(0, index)) + (hubs[index]?.above ?? ''), text(hubs.slice(index + 1)) + after];
}

const runs = { numRuns: 400 };

describe('[MG-001] of any file with comments', () => {
  test('the files of these tests are valid', () => {
    fc.assert(
      fc.property(writtenFile, file => {
        expect(read(file.text).hubs.size).toBe(file.hubs.length);
      }),
      runs,
    );
  });

  test('a put leaves every byte outside the lines of its hub', () => {
    fc.assert(
      fc.property(writtenFile, hubSettings, fc.nat(), (file, settings, choice) => {
        const index = choice % file.hubs.length;
        const { name } = file.hubs[index] as { name: string };
        const edited = editText(file.text, ['hubs', name], schema, settings);
        const [start, end] = around(file, index);
        expect(edited.slice(0, start.length)).toBe(start);
        expect(edited.slice(edited.length - end.length)).toBe(end);
        expect(editText(edited, ['hubs', name], schema, settings)).toBe(edited);
        read(edited);
      }),
      runs,
    );
  });

  test('a put of what is there leaves the file byte for byte', () => {
    fc.assert(
      fc.property(writtenFile, file => {
        for (const { name, settings } of file.hubs) {
          expect(editText(file.text, ['hubs', name], schema, settings)).toBe(file.text);
        }
      }),
      runs,
    );
  });

  test('one that is removed takes its own lines along and no others', () => {
    fc.assert(
      fc.property(writtenFile, fc.nat(), (file, choice) => {
        fc.pre(file.hubs.length > 1);
        const index = choice % file.hubs.length;
        const [start, end] = around(file, index);
        const { name } = file.hubs[index] as { name: string };
        expect(editText(file.text, ['hubs', name], schema, undefined)).toBe(start + end);
      }),
      runs,
    );
  });

  test('a new one is put behind the others, and can be removed again without a trace', () => {
    fc.assert(
      fc.property(writtenFile, hubSettings, (file, settings) => {
        const edited = editText(file.text, ['hubs', 'fresh'], schema, settings);
        const { before, hubs, after } = file;
        const start = before + hubs.map(({ above, lines }) => above + lines).join('');
        expect(edited.startsWith(start) && edited.endsWith(after)).toBe(true);
        expect([...read(edited).hubs.keys()].at(-1)).toBe('fresh');
        expect(editText(edited, ['hubs', 'fresh'], schema, undefined)).toBe(file.text);
      }),
      runs,
    );
  });
});
