import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blocksOf, type DocBlock } from './doc-blocks.js';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** A Markdown page that people read. */
export interface DocPage {
  /** From the top of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly DocBlock[];
}

const folders = ['docs', 'examples', 'samples', 'deploy'];

/** README and every page of the folders that users read. */
export function docPages(): readonly DocPage[] {
  const paths = [
    'README.md',
    'CONTRIBUTING.md',
    ...folders.filter(name => existsSync(join(repository, name))).flatMap(pagesIn),
  ];
  return paths.map(path => {
    const text = readFileSync(join(repository, path), 'utf8');
    return { path, text, blocks: blocksOf(text) };
  });
}

function pagesIn(folder: string): string[] {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.md'))
    .map(entry => relative(repository, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(path => !path.includes('node_modules/'))
    .sort();
}

/** Links of a page to files of the repository that are not there, and to headings that no page has. */
export function brokenLinks(page: DocPage): string[] {
  return linksOf(page.text).filter(link => !leadsSomewhere(page, link));
}

/** Files of the repository that a page links to, from its top. */
export function fileTargets(page: DocPage): string[] {
  const paths = linksOf(page.text).map(link => link.split('#', 1)[0] ?? '');
  return paths.filter(path => path !== '').map(path => join(dirname(page.path), path).split(sep).join('/'));
}

/** Relative targets; those of other sites cannot be looked up here. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^( *)(`{3,})[\s\S]*?^ *\2 *$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target).filter(isRelative);
}

function isRelative(target: string): boolean {
  return !/^[a-z]+:/i.test(target);
}

function leadsSomewhere(page: DocPage, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? page.path : join(dirname(page.path), path);
  const absolute = join(repository, file);
  if (!existsSync(absolute)) return false;
  return anchor === undefined || !file.endsWith('.md') || anchorsOf(readFileSync(absolute, 'utf8')).has(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#{1,6} +(.+)$/gm)].map(([, text = '']) => text);
  return new Set(headings.map(text => slug(text)));
}

function slug(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
