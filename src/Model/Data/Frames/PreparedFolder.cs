using Spikeformer.Data.Events;
using Spikeformer.Data.Recordings;

namespace Spikeformer.Data.Frames;

/// <summary>A folder made by <c>data prepare</c>, with one frame store for each set of frame options it was prepared with.</summary>
internal static class PreparedFolder
{
    /// <summary>Returns the path of a data set's store in a folder.</summary>
    public static string PathOf(string folder, IDataset dataset) =>
        Path.Combine(folder, $"{dataset.Name}-{dataset.ContentHash[..32]}{FrameStore.Extension}");

    /// <summary>Opens the store that a recipe needs. Returns null if the folder has no stores.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Kind of the data set.</param>
    /// <param name="options">How recordings are turned into frames.</param>
    /// <exception cref="SpikeformerException">A store is damaged, several match the recipe (Conflict), or none of the folder's stores has this
    /// kind and these options (Usage).</exception>
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
                throw new SpikeformerException(ErrorKind.Conflict, $"{folder} holds {found.Count} stores of {name} that match the recipe",
                    "Move one of them to another folder and give that folder");
            if (found.Count == 0 && others.Count > 0)
                throw new SpikeformerException(ErrorKind.Usage, $"{folder} was prepared for {string.Join(", ", others)}; the recipe needs {name} ({options.Key})",
                    "Run data prepare with this recipe, or change the recipe to match the folder");
            return found.FirstOrDefault();
        }
        catch
        {
            found.ForEach(store => store.Dispose());
            throw;
        }
    }
}
