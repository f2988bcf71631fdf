using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Spikeformer.Parity;

/// <summary>Makes libtorch use huge pages. Without them, page faults take a third of the full-size networks' time.</summary>
internal static partial class HugePages
{
    [ModuleInitializer]
    internal static void Enable() => _ = setenv("THP_MEM_ALLOC_ENABLE", "1", overwrite: 0);

    // .NET has its own copy of the environment, but libtorch reads that of the process.
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
