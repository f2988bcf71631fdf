using System.Runtime.InteropServices;

namespace Spikeformer.Cli.Shell;

/// <summary>A request to end this process: SIGINT (Ctrl-C) or SIGTERM. The first signal cancels the token, so that the verb can finish in order;
/// the second one ends the process at once.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _exitCode;

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Exit code after a signal: 128 + the number of the first one (130 or 143); 0 before any.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    /// <summary>Listens to the signals of this process until it is disposed.</summary>
    public static Interruption OfThisProcess()
    {
        var interruption = new Interruption();
        foreach ((PosixSignal signal, int number) in new[] { (PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15) })
            interruption._registrations.Add(
                PosixSignalRegistration.Create(signal, context => context.Cancel = interruption.Request(number)));
        return interruption;
    }

    /// <summary>Notes a signal.</summary>
    /// <param name="signal">The number of the signal.</param>
    /// <returns>True for the first signal, which is handled here; false for a later one, which ends the process by default.</returns>
    public bool Request(int signal)
    {
        if (Interlocked.CompareExchange(ref _exitCode, 128 + signal, 0) != 0) return false;
        // Not on the signal's own thread: callbacks of the token may take long, and a second signal must still arrive.
        ThreadPool.QueueUserWorkItem(static source => source.Cancel(), _source, preferLocal: false);
        return true;
    }

    /// <summary>Stops listening.</summary>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
    }
}
