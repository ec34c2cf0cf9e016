import { fileFlags, flagChoices, pathPattern, wordsOf } from './cases.js';
import type { Node } from './tree.js';

/** For `source <(hubwire completion zsh)`, or as a file `_hubwire` of `fpath`. */
export function zshScript(nodes: readonly Node[]): string {
  return `#compdef hubwire
# Completion of hubwire for zsh. Load it below compinit, with: source <(hubwire completion zsh)
_hubwire() {
  local at="" i
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      ${pathPattern(nodes)}) at="$at/\${words[i]}" ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
    ${fileFlags(nodes).join('|')}) _files; return ;;
  esac
  case "$at \${words[CURRENT-1]}" in
${flagChoices(nodes)
  .map(({ pattern, choices }) => `    ${pattern}) compadd -- ${choices.join(' ')}; return ;;`)
  .join('\n')}
  esac
  case "$at" in
${nodes.map(node => `    '${node.path}') compadd -- ${wordsOf(node).join(' ')} ;;`).join('\n')}
  esac
}
compdef _hubwire hubwire
`;
}
