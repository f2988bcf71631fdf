namespace Spikeformer.Runs;

/// <summary>Chooses the workers to leave behind when all reach the coordinator but not all reach each other.</summary>
public static class NetworkSplit
{
    /// <summary>Removes the worker that is cut off from the most others, until all remaining workers hear each other.</summary>
    /// <param name="workers">All workers. Of two that are cut off from equally many others, the later one is left behind.</param>
    /// <param name="silent">Pairs of which the first does not hear the second. One direction is enough: they cannot train together.</param>
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
