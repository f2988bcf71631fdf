namespace Spikeformer.Data.Datasets;

/// <summary>Reads every sample of a data set and tells what is damaged, as <c>data verify</c> shows it.</summary>
public static class DatasetVerification
{
    /// <summary>Reads all samples.</summary>
    /// <param name="dataset">The data set, uncached: what its files hold.</param>
    /// <param name="cancellation">Stops between samples.</param>
    /// <returns>One sentence for each damaged sample; empty when all is well.</returns>
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
