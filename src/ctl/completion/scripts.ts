/**
 * What a shell is to be told: it hands the words to `daemonctl __complete` and shows what comes back, one candidate a
 * line; the line `:files` asks for names of files. Pure.
 */
export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

export const FILES = ':files';

const BASH = `# daemonctl completion for bash
_daemonctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == '${FILES}' ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    elif [[ -n $line ]]; then
      COMPREPLY+=("$line")
    fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _daemonctl daemonctl
`;

const ZSH = `#compdef daemonctl
# daemonctl completion for zsh
_daemonctl() {
  local line
  local -a found
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == '${FILES}' ]]; then
      _files
    elif [[ -n $line ]]; then
      found+=("$line")
    fi
  done
  (( \${#found} )) && compadd -- "\${found[@]}"
}
if [[ \${funcstack[1]} == _daemonctl ]]; then _daemonctl; else compdef _daemonctl daemonctl; fi
`;

export const SCRIPTS: Record<Shell, string> = { bash: BASH, zsh: ZSH };
