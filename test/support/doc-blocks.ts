/**
 * A fenced code block of a Markdown page. What stands behind the language on the fence says how the block is tested:
 * `sh run`, `sh tested-by=test/integration/package.test.ts`, `sh not-run="needs an Azure subscription"`.
 */
export interface DocBlock {
  /** In lower case; empty when the fence names none. */
  readonly language: string;
  /** Behind the language: names with their values, `''` for a name alone. */
  readonly marks: ReadonlyMap<string, string>;
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

const openingFence = /^( *)(`{3,})\s*(\S*)\s*(.*)$/;
const mark = /([a-z-]+)(?:=(?:"([^"]*)"|(\S+)))?/g;

/** The fenced blocks of a page, in order. @throws Error for a block that is not closed */
export function blocksOf(markdown: string): readonly DocBlock[] {
  const lines = markdown.split('\n');
  const blocks: DocBlock[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const [, indent = '', fence, language = '', info = ''] = openingFence.exec(lines[at] ?? '') ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`line ${at + 1}: the code block is not closed`);
    const text = lines.slice(at + 1, end).map(line => (line.startsWith(indent) ? line.slice(indent.length) : line));
    blocks.push({ language: language.toLowerCase(), marks: marksOf(info), text: text.join('\n'), line: at + 1 });
    at = end;
  }
  return blocks;
}

function marksOf(info: string): Map<string, string> {
  return new Map([...info.matchAll(mark)].map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']));
}
