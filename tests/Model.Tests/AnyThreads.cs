using Spikeformer.Model.Tests.Devices;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests;

/// <summary>Computes something with other numbers of threads. Tests that use it belong to the collection
/// <see cref="ComputeThreadsTests"/>: the number is the process's.</summary>
internal static class AnyThreads
{
    /// <param name="digest">What to compute, the same on every call.</param>
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
