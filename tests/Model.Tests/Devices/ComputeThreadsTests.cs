using System.Runtime.CompilerServices;
using Spikeformer.Devices;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Devices;

/// <summary>Tests that change the process's number of threads run while no other test does.</summary>
[CollectionDefinition(nameof(ComputeThreadsTests), DisableParallelization = true)]
public sealed class ComputeThreadsCollection;

[Collection(nameof(ComputeThreadsTests))]
public sealed unsafe class ComputeThreadsTests : IDisposable
{
    private readonly int _threads = get_num_threads();

    public void Dispose() => set_num_threads(_threads);

    [Fact]
    public void Every_chunk_is_computed_once_by_as_many_threads_as_libtorch_may_use()
    {
        int* computed = stackalloc int[100], owners = stackalloc int[100];
        foreach (int threads in (int[])[1, 2, 3, 4])
            foreach (int chunks in (int[])[0, 1, 2, 3, 7, 100])
            {
                set_num_threads(threads);
                new Span<int>(computed, 100).Clear();
                ComputeThreads.For(chunks, new Marking(computed, owners));
                for (int i = 0; i < 100; i++) Assert.Equal(i < chunks ? 1 : 0, computed[i]);
                Assert.Equal(Math.Min(threads, chunks), new Span<int>(owners, chunks).ToArray().Distinct().Count());
            }
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(5, "5")]
    [InlineData(9, "9")]
    public void An_exception_in_a_chunk_reaches_the_caller_and_the_helpers_keep_working(int failing, string message)
    {
        set_num_threads(3);
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => ComputeThreads.For(10, new Failing(failing))).Message);
        Every_chunk_is_computed_once_by_as_many_threads_as_libtorch_may_use();
    }

    [Fact]
    public void A_call_within_a_call_is_computed_too()
    {
        set_num_threads(2);
        int inner = 0;
        ComputeThreads.For(2, new Nested(&inner));
        Assert.Equal(8, inner);
    }

    [Fact]
    public void Once_the_helpers_exist_a_call_allocates_nothing()
    {
        set_num_threads(2);
        int* computed = stackalloc int[100], owners = stackalloc int[100];
        for (int i = 0; i < 100; i++) ComputeThreads.For(10, new Marking(computed, owners));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) ComputeThreads.For(10, new Marking(computed, owners));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }

    private readonly struct Marking(int* computed, int* owners) : IChunkedWork
    {
        public void Run(int first, int end)
        {
            for (int i = first; i < end; i++)
            {
                Interlocked.Increment(ref Unsafe.AsRef<int>(computed + i));
                owners[i] = Environment.CurrentManagedThreadId;
            }
        }
    }

    private readonly struct Failing(int chunk) : IChunkedWork
    {
        public void Run(int first, int end)
        {
            if (first <= chunk && chunk < end) throw new InvalidOperationException(chunk.ToString());
        }
    }

    private readonly struct Nested(int* count) : IChunkedWork
    {
        public void Run(int first, int end)
        {
            for (int i = first; i < end; i++) ComputeThreads.For(4, new Counting(count));
        }
    }

    private readonly struct Counting(int* count) : IChunkedWork
    {
        public void Run(int first, int end) => Interlocked.Add(ref Unsafe.AsRef<int>(count), end - first);
    }
}
