using Spikeformer.Cluster;

/// <summary>Runs in every process of <see cref="SiloProcess"/> before its Main: the runtime loads this assembly there, and with it the test grains.</summary>
internal static class StartupHook
{
    public static void Initialize() => RecordWriter.RunIfAsked();
}
