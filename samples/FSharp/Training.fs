/// A run from its start to its end, as an F# program or script sees it.
module Spikeformer.Samples.Training

open Spikeformer.Client
open Spikeformer.Contracts

/// Starts a run, prints a line for each evaluation, and gives its last status.
let train (cluster: SpikeformerCluster) (spec: RunSpec) =
    task {
        let! started = cluster.StartAsync spec
        printfn "run %s of %d epochs on %d shards" started.Run started.Epochs started.Shards

        return!
            cluster.ForEachNewsAsync(
                spec.Name,
                fun news ->
                    for epoch in news.Epochs do
                        printfn "epoch %d  test loss %.4f  accuracy %.3f" (epoch.Epoch + 1) epoch.TestLoss epoch.TestAccuracy
            )
    }

/// Tells how a run ended: Ok with the digest of its steps, or Error with the reason.
let outcome (status: RunStatus) =
    match status.State, status.Outcome, status.Failure with
    | RunState.Completed, outcome, _ when not (isNull outcome) -> Ok outcome.StepDigest
    | RunState.Failed, _, failure when not (isNull failure) -> Error $"worker {failure.Worker}: {failure.Message}"
    | RunState.Stopped, _, _ -> Error $"stopped at step {status.Step}; 'resume' continues it"
    | state, _, _ -> Error $"the run is {state}"

/// The same on a cluster of the program's own, which lives as long as the run.
let trainAlone (spec: RunSpec) =
    task {
        use! own = EmbeddedCluster.StartAsync(spec.OutDirectory, spec.Workers)
        use! cluster = SpikeformerCluster.ConnectAsync own.Address
        return! train cluster spec
    }

/// On a cluster that runs already.
let trainOn (address: string) (spec: RunSpec) =
    task {
        use! cluster = SpikeformerCluster.ConnectAsync address
        return! train cluster spec
    }

/// Prints the end and gives the exit code.
let report status =
    match outcome status with
    | Ok digest ->
        printfn "step digest %s" digest
        0
    | Error reason ->
        eprintfn "%s" reason
        1
