namespace Spikeformer.Runs;

/// <summary>Workers that all reach the coordinator, and not all reach each other: who must be left behind so that the others can train.</summary>
public static class NetworkSplit
{
    /// <summary>Takes away the worker with whom most others have no connection until all that are left hear each other.</summary>
    /// <param name="workers">All, whom to keep first: of two that are cut off from as many others, the later one is left behind.</param>
    /// <param name="silent">Pairs of which the first does not hear the second; one direction is enough to make them useless to each other.</param>
    public static IReadOnlySet<string> LeftBehind(IReadOnlyList<string> workers, IEnumerable<(string, string)> silent)
    {
        var cuts = new HashSet<(string, string)>(from cut in silent
                                                 where workers.Contains(cut.Item1) && workers.Contains(cut.Item2) && cut.Item1 != cut.Item2
                                                 select string.CompareOrdinal(cut.Item1, cut.Item2) < 0 ? cut : (cut.Item2, cut.Item1));
        var left = new HashSet<string>();
        while (cuts.Count > 0)
        {
            string worst = workers.Reverse().MaxBy(worker => cuts.Count(cut => cut.Item1 == worker || cut.Item2 == worker))!;
            left.Add(worst);
            cuts.RemoveWhere(cut => cut.Item1 == worst || cut.Item2 == worst);
        }
        return left;
    }
}
