using Spikeformer.Cli.Shell;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary>Says from time to time how far a pass over many images is.</summary>
internal sealed class ImageProgress(Terminal terminal, string doing)
{
    private const int Parts = 20;

    private readonly Lock _gate = new();
    private int _said;

    /// <summary>Notes that one more image is done; on any thread.</summary>
    public void Note(int done, int all)
    {
        int part = (int)((long)done * Parts / all);
        lock (_gate)
        {
            if (part <= _said) return;
            _said = part;
            terminal.Say($"{doing}: {done} of {all} images");
        }
    }
}
