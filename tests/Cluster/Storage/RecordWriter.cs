using System.Diagnostics;
using Orleans.Storage;
using Spikeformer.Cluster.Silos;
using Spikeformer.Silo.Storage;

namespace Spikeformer.Cluster.Storage;

/// <summary>A process that adds to one record as fast as it can, and starts over whenever another process was first.</summary>
internal static class RecordWriter
{
    private const string Variable = "SPIKEFORMER_TEST_WRITER";

    /// <summary>Starts a writer.</summary>
    /// <param name="directory">Directory of the storage.</param>
    /// <param name="additions">How many additions must succeed.</param>
    public static Process Start(string directory, int additions)
    {
        ProcessStartInfo start = SiloProcess.Invocation();
        start.Environment[Variable] = $"{additions}:{directory}";
        start.RedirectStandardOutput = true;
        return Process.Start(start)!;
    }

    /// <summary>Does the work in a process that <see cref="Start"/> has started, and prints how often another process was first.</summary>
    public static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split(':', 2) is not [string additions, string directory]) return;
        Console.WriteLine(AddAsync(directory, int.Parse(additions)).GetAwaiter().GetResult());
        Environment.Exit(0);
    }

    private static async Task<int> AddAsync(string directory, int additions)
    {
        FileGrainStorage storage = Records.StorageIn(directory);
        int conflicts = 0;
        for (int done = 0; done < additions;)
        {
            GrainState<TallyRecord> state = await Records.ReadAsync(storage);
            state.State = new() { Count = state.State!.Count + 1 };
            try
            {
                await storage.WriteStateAsync(Records.State, Records.Grain, state);
                done++;
            }
            catch (InconsistentStateException)
            {
                conflicts++;
            }
        }
        return conflicts;
    }
}
