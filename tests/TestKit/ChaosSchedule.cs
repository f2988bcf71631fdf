namespace Spikeformer.TestKit;

/// <summary>What happens to a worker.</summary>
public enum ChaosKind
{
    /// <summary>SIGKILL.</summary>
    Kill,
    /// <summary>SIGSTOP, and SIGCONT once the others have gone on without it.</summary>
    Freeze,
    /// <summary>SIGTERM: it leaves in order, and its silo starts another.</summary>
    Leave,
    /// <summary>SIGKILL at a named place of a step.</summary>
    Die,
}

/// <summary>One blow: when the run has committed so many steps, something happens to a worker; to one that dies, at a place of that step.</summary>
public readonly record struct Blow(long Step, ChaosKind Kind, int Slot, string Place);

/// <summary>What befalls a run: a pure function of a seed.</summary>
public static class ChaosSchedule
{
    /// <summary>Blows in the order of their steps; several may fall on one step, and on all workers.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="lastStep">Steps of the run.</param>
    /// <param name="slots">Workers.</param>
    /// <param name="count">How many.</param>
    /// <param name="places">Names of places in a step.</param>
    public static IReadOnlyList<Blow> Of(int seed, long lastStep, int slots, int count, IReadOnlyList<string> places)
    {
        var random = new Random(seed);
        Blow[] blows = [.. Enumerable.Range(0, count).Select(_ =>
            new Blow(random.NextInt64(1, lastStep * 3 / 4), (ChaosKind)random.Next(4), random.Next(slots), places[random.Next(places.Count)]))];
        // Now and then two at once.
        if (random.Next(3) == 0) blows[1] = blows[1] with { Step = blows[0].Step };
        return [.. blows.OrderBy(blow => blow.Step)];
    }
}
