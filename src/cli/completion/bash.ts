import { fileFlags, flagChoices, pathPattern, wordsOf } from './cases.js';
import type { Node } from './tree.js';

/** For `source <(hubwire completion bash)`. Works in the bash 3.2 of macOS. */
export function bashScript(nodes: readonly Node[]): string {
  return `# Completion of hubwire for bash. Load it with: source <(hubwire completion bash)
_hubwire() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${pathPattern(nodes)}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$prev" in
    ${fileFlags(nodes).join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "$at $prev" in
${flagChoices(nodes)
  .map(({ pattern, choices }) => `    ${pattern}) words='${choices.join(' ')}' ;;`)
  .join('\n')}
    *)
      case "$at" in
${nodes.map(node => `        '${node.path}') words='${wordsOf(node).join(' ')}' ;;`).join('\n')}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _hubwire hubwire
`;
}
