"""`labtui completion`: scripts with which a shell completes verbs, run ids, settings and their choices.

The script asks `labtui` itself, with what is typed so far in the environment; a line of the answer is a value, or a
value, a tab and what it is. A line `:file` or `:dir` leaves it to the shell.
"""

import os
from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

_BASH = """\
_labtui_completion() {
    local line value
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%%%$'\\t'*}
        case $value in
            '') ;;
            :file) compopt -o default ;;
            :dir) compopt -o dirnames ;;
            *) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_TYPED="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete "$1")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -o nosort -F _labtui_completion %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s
_labtui_completion() {
    local line value typed="${(j: :)words[1,CURRENT-1]} ${PREFIX}"
    local -a values shown open open_shown
    for line in "${(@f)$(COMP_TYPED="$typed" %(complete_var)s=zsh_complete $words[1])}"; do
        value=${line%%%%$'\\t'*}
        case $value in
            '') ;;
            :file) _files ;;
            :dir) _files -/ ;;
            *=) open+=("$value"); open_shown+=("${line/$'\\t'/  }") ;;
            *) values+=("$value"); shown+=("${line/$'\\t'/  }") ;;
        esac
    done
    (( $#values )) && compadd -U -V labtui -l -d shown -a values
    (( $#open )) && compadd -U -V labtui -l -S '' -d open_shown -a open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _labtui_completion "$@"
else
    compdef _labtui_completion %(prog_name)s
fi
"""

_FISH = """\
function _labtui_completion
    set -lx COMP_TYPED (commandline -cp)
    set -lx %(complete_var)s fish_complete
    for line in (%(prog_name)s)
        switch $line
            case ''
            case ':file'
                __fish_complete_path (commandline -ct)
            case ':dir'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete --no-files --command %(prog_name)s --arguments '(_labtui_completion)'
"""


class _Completion(ShellComplete):
    """Reads the line up to the cursor, whatever the shell thinks its words are."""

    def get_completion_args(self) -> tuple[list[str], str]:
        typed = os.environ.get("COMP_TYPED", "")
        words = split_arg_string(typed)
        incomplete = "" if not words or typed[-1:].isspace() else words.pop()
        return words[1:], incomplete

    def complete(self) -> str:
        words, incomplete = self.get_completion_args()
        found = self.get_completions(words, incomplete)
        return "\n".join(self.line(item, incomplete) for item in found)

    def line(self, item: CompletionItem[str], incomplete: str) -> str:
        """One line of the answer."""
        if item.type != "plain":
            return f":{item.type}"
        return f"{item.value}\t{item.help}" if item.help else item.value


class Bash(_Completion):
    """Bash replaces only what follows the last of its word breaks, of which `=` is one."""

    name = "bash"
    source_template = _BASH

    def line(self, item: CompletionItem[str], incomplete: str) -> str:
        breaks = os.environ.get("COMP_BREAKS", "").replace("@", "")  # which begins a word for bash, and stays
        kept = 1 + max((incomplete.rfind(char) for char in breaks), default=-1)
        head = incomplete[:kept]
        value = item.value[kept:] if item.type == "plain" and item.value.startswith(head) else item.value
        return value if item.type == "plain" else f":{item.type}"


class Zsh(_Completion):
    """Shows what each value is."""

    name = "zsh"
    source_template = _ZSH


class Fish(_Completion):
    """Shows what each value is."""

    name = "fish"
    source_template = _FISH


SHELLS: Mapping[str, type[_Completion]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}
_INSTALL = {
    "bash": "labtui completion bash > ~/.local/share/bash-completion/completions/labtui",
    "zsh": "labtui completion zsh > ~/.zfunc/_labtui   (a folder that stands in fpath)",
    "fish": "labtui completion fish > ~/.config/fish/completions/labtui.fish",
}


def register() -> None:
    """Our scripts and answers in place of click's, which know neither bash's word breaks nor values with commas."""
    for shell in SHELLS.values():
        add_completion_class(shell)


@click.command(epilog="\b\nTo have it in every new shell:\n" + "\n".join(f"  {line}" for line in _INSTALL.values()))
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes verbs, runs, settings and their choices."""
    from tui_app.command.main import VARIABLE, cli

    click.echo(SHELLS[shell](cli, {}, "labtui", VARIABLE).source(), nl=False)
