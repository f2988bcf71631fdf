namespace Spikeformer.Cli.Verbs.Data;

/// <summary>Shows the progress of a pass over many images.</summary>
internal sealed class ImageProgress(Terminal terminal, string doing)
{
    private const int Parts = 20;

    private readonly Lock _gate = new();
    private int _shown;

    /// <summary>Notes that one more image is done. For any thread.</summary>
    public void Note(int done, int all)
    {
        int part = (int)((long)done * Parts / all);
        lock (_gate)
        {
            if (part <= _shown) return;
            _shown = part;
            terminal.Say($"{doing}: {done} of {all} images");
        }
    }
}
