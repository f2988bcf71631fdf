namespace Spikeformer.Data.Datasets;

/// <summary>Finds the damaged samples of a data set for <c>data verify</c>.</summary>
public static class DatasetVerification
{
    /// <summary>Reads all samples.</summary>
    /// <param name="dataset">The data set, opened without a cache.</param>
    /// <param name="cancellation">Stops between samples.</param>
    /// <returns>One message for each damaged sample; empty if all samples are intact.</returns>
    public static IReadOnlyList<string> Problems(IDataset dataset, CancellationToken cancellation = default)
    {
        var problems = new List<string>();
        var frames = new float[dataset.Shape.Elements];
        foreach (Split split in Enum.GetValues<Split>())
            for (int index = 0; index < dataset.Count(split); index++)
            {
                cancellation.ThrowIfCancellationRequested();
                try
                {
                    dataset.Read(split, index, null, frames);
                }
                catch (SpikeformerException damaged)
                {
                    problems.Add(damaged.Message);
                }
            }
        return problems;
    }
}
