using System.Diagnostics;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>Waits for something that another thread or process brings about.</summary>
public static class Eventually
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks until the answer is true; fails the test when it is not within a minute (or the given deadline).</summary>
    /// <param name="expected">What is waited for, for the message.</param>
    /// <param name="condition">The question.</param>
    /// <param name="deadline">How long to ask.</param>
    /// <param name="found">What there is instead, for the message.</param>
    public static async Task HoldsAsync(string expected, Func<Task<bool>> condition, TimeSpan? deadline = null, Func<string>? found = null)
    {
        var asked = Stopwatch.StartNew();
        while (!await condition())
        {
            if (asked.Elapsed > (deadline ?? s_deadline)) Assert.Fail($"Waited {asked.Elapsed.TotalSeconds:0.0} s for: {expected}. {found?.Invoke()}");
            await Task.Delay(s_pause);
        }
    }

    /// <summary>The same for a question without waiting.</summary>
    public static Task HoldsAsync(string expected, Func<bool> condition, TimeSpan? deadline = null, Func<string>? found = null) =>
        HoldsAsync(expected, () => Task.FromResult(condition()), deadline, found);
}
