using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Spikeformer.Parity;

/// <summary>Lets libtorch ask for huge pages: page faults are a third of the full-size networks' time without.</summary>
internal static partial class HugePages
{
    [ModuleInitializer]
    internal static void Enable() => _ = setenv("THP_MEM_ALLOC_ENABLE", "1", overwrite: 0);

    // .NET keeps its own copy of the environment; libtorch reads the process's.
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
