using System.Runtime.InteropServices;

namespace Spikeformer.Silo.Hosting;

/// <summary>The life of a silo that another process started for itself: it ends in order when that process ends, which closes the pipe to our
/// standard input whatever it died of, or upon SIGTERM.</summary>
internal sealed class ParentLifetime(IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        // Ctrl-C reaches every process at the terminal; what it means for this one is the parent's decision.
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            application.StopApplication();
        }));
        // Reading the console blocks; the thread does not keep the process alive.
        new Thread(StopAtEnd) { IsBackground = true, Name = "parent pipe" }.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _signals.ForEach(signal => signal.Dispose());

    private void StopAtEnd()
    {
        try
        {
            using Stream parent = Console.OpenStandardInput();
            Span<byte> ignored = stackalloc byte[256];
            while (parent.Read(ignored) > 0) { }
        }
        catch (IOException)
        {
            // A pipe that breaks has ended too.
        }
        application.StopApplication();
    }
}
