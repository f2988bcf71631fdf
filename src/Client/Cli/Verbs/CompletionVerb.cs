namespace Spikeformer.Cli.Verbs;

/// <summary><c>completion bash|zsh|fish</c>: prints a script that asks the program for completions.</summary>
internal static class CompletionVerb
{
    // The directive [suggest:N] TEXT of System.CommandLine lists what can follow the first N characters of TEXT, the line without the program.
    private const string Bash = """
        # Completion of spikeformer for bash. Use: source <(./spikeformer completion bash)
        _spikeformer() {
            local line="${COMP_LINE:0:COMP_POINT}" found
            line="${line#"${COMP_WORDS[0]}"}"
            line="${line#"${line%%[![:space:]]*}"}"
            found="$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)"
            COMPREPLY=($(compgen -W "$found" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _spikeformer spikeformer ./spikeformer
        """;

    private const string Zsh = """
        #compdef spikeformer ./spikeformer
        # Completion of spikeformer for zsh. Use: source <(./spikeformer completion zsh)
        _spikeformer() {
            setopt local_options extended_glob
            local line="${LBUFFER#"${words[1]}"}"
            line="${line##[[:space:]]#}"
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
            compadd -- ${found:#} || _files
        }
        compdef _spikeformer spikeformer ./spikeformer
        """;

    private const string Fish = """
        # Completion of spikeformer for fish. Use: ./spikeformer completion fish | source
        function __spikeformer_complete
            set -l program (commandline -opc)[1]
            set -l line (string replace -r '^\s*\S+\s*' '' -- (commandline -cp))
            $program "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c spikeformer -a '(__spikeformer_complete)'
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script for completion in a shell") { shell };
        command.SetAction(parsed =>
        {
            Terminal.Of(parsed).Print(parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return 0;
        });
        return command;
    }
}
