using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>Work in independent chunks, each of which any thread may compute.</summary>
internal interface IChunkedWork
{
    /// <summary>Computes the chunks from <paramref name="first"/> up to but not including <paramref name="end"/>, on any thread.</summary>
    void Run(int first, int end);
}

/// <summary>Runs our own kernels on as many threads as libtorch uses (<c>torch.set_num_threads</c>): the calling thread and helper threads. Each thread
/// computes one contiguous, fixed range of chunks, so the result does not depend on the threads.</summary>
/// <remarks>The .NET thread pool would not do: its number of threads follows the load, and its partitioning follows timing.</remarks>
internal static unsafe class ComputeThreads
{
    private static readonly Lock s_lock = new();
    private static readonly List<Helper> s_helpers = [];

    /// <summary>Runs all chunks and returns when they are done. Allocates nothing once the helper threads exist.</summary>
    /// <param name="chunks">The number of chunks.</param>
    /// <param name="work">The work; it may point to the caller's memory, since the call returns only after every thread has finished.</param>
    /// <exception cref="Exception">The exception of a chunk; if several threads failed, that of the lowest range.</exception>
    public static void For<TWork>(int chunks, TWork work) where TWork : unmanaged, IChunkedWork
    {
        int threads = Math.Min(get_num_threads(), chunks);
        // A second caller, or a call from within a chunk, runs all chunks itself instead of waiting. The result is the same.
        if (threads <= 1 || s_lock.IsHeldByCurrentThread || !s_lock.TryEnter())
        {
            if (chunks > 0) work.Run(0, chunks);
            return;
        }
        try
        {
            while (s_helpers.Count < threads - 1) s_helpers.Add(new Helper());
            for (int i = 1; i < threads; i++)
                s_helpers[i - 1].Start(&Run<TWork>, &work, Boundary(i, threads, chunks), Boundary(i + 1, threads, chunks));
            ExceptionDispatchInfo? failure = null;
            try { work.Run(0, Boundary(1, threads, chunks)); }
            catch (Exception exception) { failure = ExceptionDispatchInfo.Capture(exception); }
            // The helpers use this stack frame, so all must finish before it is left, even if this thread's own range failed.
            for (int i = 1; i < threads; i++)
            {
                ExceptionDispatchInfo? helperFailure = s_helpers[i - 1].Finish();
                failure ??= helperFailure;
            }
            failure?.Throw();
        }
        finally
        {
            s_lock.Exit();
        }
    }

    private static int Boundary(int part, int parts, int chunks) => (int)((long)part * chunks / parts);

    private static void Run<TWork>(void* work, int first, int end) where TWork : unmanaged, IChunkedWork => ((TWork*)work)->Run(first, end);

    private sealed class Helper
    {
        private readonly SemaphoreSlim _started = new(0), _finished = new(0);
        private delegate*<void*, int, int, void> _run;
        private void* _work;
        private int _first, _end;
        private ExceptionDispatchInfo? _failure;

        public Helper() => new Thread(Loop) { IsBackground = true, Name = "compute helper" }.Start();

        public void Start(delegate*<void*, int, int, void> run, void* work, int first, int end)
        {
            _run = run;
            _work = work;
            (_first, _end, _failure) = (first, end, null);
            _started.Release();
        }

        public ExceptionDispatchInfo? Finish()
        {
            _finished.Wait();
            return _failure;
        }

        private void Loop()
        {
            while (true)
            {
                _started.Wait();
                try { _run(_work, _first, _end); }
                catch (Exception exception) { _failure = ExceptionDispatchInfo.Capture(exception); }
                _finished.Release();
            }
        }
    }
}
