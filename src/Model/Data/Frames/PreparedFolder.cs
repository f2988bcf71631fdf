using Spikeformer.Data.Events;
using Spikeformer.Data.Recordings;

namespace Spikeformer.Data.Frames;

/// <summary>A folder that <c>data prepare</c> has made: one frame store for each way in which the data set was prepared.</summary>
internal static class PreparedFolder
{
    /// <summary>Path of a data set's store in a folder.</summary>
    public static string PathOf(string folder, IDataset dataset) =>
        Path.Combine(folder, $"{dataset.Name}-{dataset.ContentHash[..32]}{FrameStore.Extension}");

    /// <summary>Opens the store that a recipe wants; null if the folder has no store at all.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Kind of the data set.</param>
    /// <param name="options">How recordings become frames.</param>
    /// <exception cref="SpikeformerException">The stores there are of another kind, were made in another way, or are damaged.</exception>
    public static FrameStore? TryOpen(string folder, string name, FrameOptions options)
    {
        if (!Directory.Exists(folder)) return null;
        List<string> names = RecordingFiles.List(folder, path => Directory.EnumerateFiles(path, $"*{FrameStore.Extension}"));
        var found = new List<FrameStore>();
        var others = new List<string>();
        try
        {
            foreach (string file in names)
            {
                FrameStore store = FrameStore.Open(Path.Combine(folder, file));
                if ((store.Name, store.FrameKey) == (name, options.Key)) found.Add(store);
                else
                {
                    others.Add($"{store.Name} ({store.FrameKey})");
                    store.Dispose();
                }
            }
            if (found.Count > 1)
                throw new SpikeformerException(ErrorKind.Conflict, $"{folder} holds {found.Count} stores of {name} that fit the recipe",
                    "Keep one of them in a folder of its own");
            if (found.Count == 0 && others.Count > 0)
                throw new SpikeformerException(ErrorKind.Usage, $"{folder} was prepared for {string.Join(", ", others)}; the recipe wants {name} ({options.Key})",
                    "Run data prepare with this recipe, or change the recipe to what is there");
            return found.FirstOrDefault();
        }
        catch
        {
            found.ForEach(store => store.Dispose());
            throw;
        }
    }
}
