using Spikeformer.Checkpoints;
using Spikeformer.Cli.Sources;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>export</c>: writes the weights of a checkpoint as a safetensors file with the parameter names of the authors, for PyTorch and others.</summary>
internal static class ExportVerb
{
    public static Command Create()
    {
        Option<string?> @out = RunOptions.OutOfRun();
        Option<long?> step = RunCheckpoints.StepOption();
        var file = new Argument<string>("file") { Description = "File to write, for example model.safetensors" };
        var command = new Command("export", "Export the weights of a checkpoint (default: the best) for other programs") { @out, step, file };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            Checkpoint checkpoint = RunCheckpoints.Choose(new RunDirectory(parsed.GetValue(@out)!), parsed.GetValue(step));
            string path = Path.GetFullPath(parsed.GetRequiredValue(file));
            CheckpointExport.Write(checkpoint, path);
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, checkpoint.Info.Step, File = path, Bytes = new FileInfo(path).Length });
            else terminal.Print($"Wrote the weights of step {checkpoint.Info.Step} to {path}.");
            return 0;
        });
        return command;
    }
}
