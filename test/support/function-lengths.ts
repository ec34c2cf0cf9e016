import type { Node, SourceFile as SyntaxTree } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isBlock,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
} from 'typescript/unstable/ast/is';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';
import type { SourceFile } from './import-graph.js';

const kindsWithBody = [
  isFunctionDeclaration,
  isFunctionExpression,
  isArrowFunction,
  isMethodDeclaration,
  isConstructorDeclaration,
  isGetAccessorDeclaration,
  isSetAccessorDeclaration,
];

/**
 * Lines of each function, method, constructor and accessor, from its first to its last line, comments before it left out.
 * A function within another counts for itself and in the outer one. Arrow functions without a block are parts of
 * expressions and are not counted, nor are declarations without a body.
 */
export function functionLengths(files: readonly SourceFile[]): number[] {
  const project = '/program/tsconfig.json';
  const config = JSON.stringify({ compilerOptions: { noLib: true, types: [] }, include: ['src'] });
  const texts = Object.fromEntries(files.map(({ path, text }) => [`/program/src/${path}`, text]));
  const api = new API({ cwd: '/program', fs: createVirtualFileSystem({ [project]: config, ...texts }) });
  try {
    const program = api.updateSnapshot({ openProjects: [project] }).getProject(project)?.program;
    return Object.keys(texts).flatMap(path => {
      const tree = program?.getSourceFile(path);
      if (tree === undefined) throw new Error(`the compiler did not read ${path}`);
      return lengthsIn(tree);
    });
  } finally {
    api.close();
  }
}

function lengthsIn(tree: SyntaxTree): number[] {
  const lengths: number[] = [];
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line;
  const visit = (node: Node): undefined => {
    if (hasBlock(node)) lengths.push(lineAt(node.end) - lineAt(node.getStart(tree)) + 1);
    node.forEachChild(visit);
  };
  visit(tree);
  return lengths;
}

function hasBlock(node: Node): boolean {
  if (!kindsWithBody.some(isKind => isKind(node))) return false;
  const { body } = node as Node & { readonly body?: Node };
  return body !== undefined && isBlock(body);
}
