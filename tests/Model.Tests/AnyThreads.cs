using Spikeformer.Model.Tests.Devices;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests;

/// <summary>Asserts that a result is the same for any number of threads. Tests that use it belong to the collection
/// <see cref="ComputeThreadsTests"/>, since the number of threads is set per process.</summary>
internal static class AnyThreads
{
    /// <param name="digest">Computes the result's digest.</param>
    public static void AssertSameDigest(Func<string> digest)
    {
        int before = get_num_threads();
        try
        {
            set_num_threads(1);
            string alone = digest();
            foreach (int threads in (int[])[2, 3, 5])
            {
                set_num_threads(threads);
                Assert.Equal(alone, digest());
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
