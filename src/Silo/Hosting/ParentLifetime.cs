using System.Runtime.InteropServices;

namespace Spikeformer.Silo.Hosting;

/// <summary>The lifetime of a silo that belongs to the process that started it. The silo stops in order on SIGTERM, and when that process ends, even if
/// killed: the end closes the pipe to standard input.</summary>
internal sealed class ParentLifetime(IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        // Ctrl-C reaches every process of the terminal. The parent decides what it means for this one.
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            application.StopApplication();
        }));
        // Reading the console blocks a thread; a background thread does not keep the process alive.
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
            // A broken pipe is an end, too.
        }
        application.StopApplication();
    }
}
