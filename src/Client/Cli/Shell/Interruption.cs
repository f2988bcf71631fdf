using System.Runtime.InteropServices;

namespace Spikeformer.Cli.Shell;

/// <summary>The user's or the system's wish that this process ends: SIGINT (Ctrl-C) or SIGTERM. The first one cancels the token and leaves
/// the verb to finish in order; a second one ends the process at once.</summary>
public sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _exitCode;

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Exit code of an interrupted process: 128 + the number of the first signal (130 or 143); 0 while there was none.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    /// <summary>Listens to the signals of this process until disposal.</summary>
    public static Interruption OfThisProcess()
    {
        var interruption = new Interruption();
        foreach ((PosixSignal signal, int number) in new[] { (PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15) })
            interruption._registrations.Add(
                PosixSignalRegistration.Create(signal, context => context.Cancel = interruption.Request(number)));
        return interruption;
    }

    /// <summary>Notes a signal.</summary>
    /// <param name="signal">Its number.</param>
    /// <returns>True for the first one, which is handled here; false leaves the signal to its default, the end of the process.</returns>
    public bool Request(int signal)
    {
        if (Interlocked.CompareExchange(ref _exitCode, 128 + signal, 0) != 0) return false;
        // Not on the signal's own thread: what follows a cancellation may take its time, and a second signal must still come through.
        ThreadPool.QueueUserWorkItem(static source => source.Cancel(), _source, preferLocal: false);
        return true;
    }

    /// <summary>Stops listening.</summary>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
    }
}
