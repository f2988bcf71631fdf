using System.Runtime.Loader;
using Spikeformer.Cluster.Storage;

/// <summary>Runs in every process of <see cref="Spikeformer.Cluster.Silos.SiloProcess"/> before its Main: the runtime loads this assembly and with it the test grains.</summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        // The silo knows only its own libraries, not those of the tests.
        AssemblyLoadContext.Default.Resolving += static (context, name) =>
            Path.Combine(AppContext.BaseDirectory, name.Name + ".dll") is var path && File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        RecordWriter.RunIfAsked();
    }
}
