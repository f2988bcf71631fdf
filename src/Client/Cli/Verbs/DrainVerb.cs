using Spikeformer.Client;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>drain</c>: takes a worker out of service before maintenance, and puts it back.</summary>
internal static class DrainVerb
{
    public static Command Create(Interruption interruption)
    {
        var worker = new Argument<string>("worker") { Description = "Name of the worker, silo/slot; 'cluster status' lists the workers" };
        var wait = new Option<bool>("--wait") { Description = "Wait until the worker has left its run and its process has exited" };
        var undo = new Option<bool>("--undo") { Description = "Put a drained worker back into service; restarting its silo does the same" };
        var command = new Command("drain", "Take a worker out of service: it finishes its step, hands over its shards and exits") { worker, wait, undo };
        command.Validators.Add(result =>
        {
            if (result.GetValue(wait) && result.GetValue(undo)) result.AddError("Give either --wait or --undo.");
        });
        var cluster = new ClusterOptions();
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using SpikeformerCluster connection = await cluster.ConnectAsync(parsed, cancellation);
            string name = parsed.GetRequiredValue(worker);
            WorkerReport report = (parsed.GetValue(undo) ? await connection.UndrainAsync(name, cancellation) : await connection.DrainAsync(name, cancellation)).Report;
            if (parsed.GetValue(wait)) await connection.WaitDrainedAsync(name, interruption.Token);
            Terminal terminal = Terminal.Of(parsed);
            string state = parsed.GetValue(undo) ? "inService" : parsed.GetValue(wait) || report.Phase is WorkerPhase.Drained ? "drained" : "draining";
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, Worker = name, State = state, Run = state == "draining" ? report.Run : null });
            else terminal.Print(state switch
            {
                "inService" => $"Worker {name} is back in service",
                "drained" => $"Worker {name} is drained; 'drain {name} --undo' puts it back into service",
                _ => report.Run is { } run ? $"Worker {name} leaves run {run} at the next step and exits" : $"Worker {name} exits",
            });
            return 0;
        });
        return command;
    }
}
