using System.Diagnostics;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>Waits for a condition that another thread or process will make true.</summary>
public static class Eventually
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Evaluates a condition until it is true. Fails the test after three minutes or the given deadline.</summary>
    /// <param name="expected">The expected state, for the message.</param>
    /// <param name="condition">The condition.</param>
    /// <param name="deadline">How long to wait.</param>
    /// <param name="found">Describes the actual state, for the message.</param>
    public static async Task HoldsAsync(string expected, Func<Task<bool>> condition, TimeSpan? deadline = null, Func<string>? found = null)
    {
        var asked = Stopwatch.StartNew();
        while (!await condition())
        {
            if (asked.Elapsed > (deadline ?? s_deadline)) Assert.Fail($"Waited {asked.Elapsed.TotalSeconds:0.0} s for: {expected}. {found?.Invoke()}");
            await Task.Delay(s_pause);
        }
    }

    /// <summary>Evaluates a synchronous condition until it is true.</summary>
    public static Task HoldsAsync(string expected, Func<bool> condition, TimeSpan? deadline = null, Func<string>? found = null) =>
        HoldsAsync(expected, () => Task.FromResult(condition()), deadline, found);
}
