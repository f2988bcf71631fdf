using System.CommandLine;

namespace Spikeformer.Client;

/// <summary>Options of a run that do not change its result.</summary>
internal static class RunOptions
{
    public static Option<string?> Data() => new("--data") { Description = "Folder of the recordings or images", HelpName = "DIR" };

    public static Option<string?> Out() => new("--out") { Description = "Directory of the run (default runs/NAME)", HelpName = "DIR" };

    public static Option<int?> CheckpointEvery()
    {
        var option = new Option<int?>("--checkpoint-every") { Description = "Steps between two checkpoints (default: one an epoch)", HelpName = "STEPS" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1) result.AddError("--checkpoint-every must be at least 1.");
        });
        return option;
    }
}
