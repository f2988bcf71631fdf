namespace Spikeformer.TestKit;

/// <summary>The kinds of blows to a worker.</summary>
public enum ChaosKind
{
    /// <summary>SIGKILL.</summary>
    Kill,
    /// <summary>SIGSTOP, then SIGCONT once the others have continued without the worker.</summary>
    Freeze,
    /// <summary>SIGTERM: the worker leaves in order, and its silo starts another one.</summary>
    Leave,
    /// <summary>SIGKILL at a named place in a step.</summary>
    Die,
}

/// <summary>A blow to a worker when the run has committed a number of steps. <see cref="ChaosKind.Die"/> strikes at a place in that step.</summary>
public readonly record struct Blow(long Step, ChaosKind Kind, int Slot, string Place);

/// <summary>The blows to a run, as a pure function of a seed.</summary>
public static class ChaosSchedule
{
    /// <summary>Returns blows in the order of their steps. Several may strike in one step, and may strike all workers.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="lastStep">Number of steps in the run.</param>
    /// <param name="slots">Number of workers.</param>
    /// <param name="count">Number of blows.</param>
    /// <param name="places">Names of places in a step.</param>
    public static IReadOnlyList<Blow> Of(int seed, long lastStep, int slots, int count, IReadOnlyList<string> places)
    {
        var random = new Random(seed);
        Blow[] blows = [.. Enumerable.Range(0, count).Select(_ =>
            new Blow(random.NextInt64(1, lastStep * 3 / 4), (ChaosKind)random.Next(4), random.Next(slots), places[random.Next(places.Count)]))];
        // Sometimes two blows strike in the same step.
        if (random.Next(3) == 0) blows[1] = blows[1] with { Step = blows[0].Step };
        return [.. blows.OrderBy(blow => blow.Step)];
    }
}
