using System.CommandLine;
using Spikeformer.Checkpoints;
using Spikeformer.Cli.Shell;
using Spikeformer.Cli.Sources;
using Spikeformer.Runs;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>export</c>: a checkpoint's weights as one safetensors file under the authors' names, for PyTorch and others.</summary>
internal static class ExportVerb
{
    public static Command Create()
    {
        Option<string?> @out = RunOptions.Out();
        @out.Required = true;
        Option<long?> step = RunCheckpoints.StepOption();
        var file = new Argument<string>("file") { Description = "The file to write, for example model.safetensors" };
        var command = new Command("export", "Write the weights of a checkpoint (the best one by default) for other programs") { @out, step, file };
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
