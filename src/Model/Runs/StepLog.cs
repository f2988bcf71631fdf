using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>A line of <c>steps.jsonl</c>.</summary>
/// <param name="Step">The number of committed steps, including this one.</param>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Generation">The number of the generation that committed the step.</param>
/// <param name="Loss">The mean loss over the step's samples.</param>
/// <param name="LearningRate">The learning rate of the update.</param>
/// <param name="Digest">The step digest, lower-case hexadecimal.</param>
public sealed record StepLine(long Step, int Epoch, long Generation, double Loss, double LearningRate, string Digest)
{
    /// <summary>Returns the line of a committed step.</summary>
    public static StepLine Of(CommittedStep step, Checkpoints.GenerationId generation) =>
        new(step.Step, step.Epoch, generation.Number, step.Loss, step.LearningRate, step.Digest);
}

/// <summary>Reads the step log of a run directory.</summary>
public static class StepLog
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Reads all lines in the order of their steps. The last may be missing while the run is training.</summary>
    /// <param name="directory">The run directory.</param>
    /// <exception cref="IOException">There is no log, or it cannot be read.</exception>
    /// <exception cref="JsonException">A line is damaged.</exception>
    public static IReadOnlyList<StepLine> Read(string directory) =>
        [.. File.ReadLines(new RunDirectory(directory).StepsFile).Select(line => JsonSerializer.Deserialize<StepLine>(line, s_json)!)];
}
