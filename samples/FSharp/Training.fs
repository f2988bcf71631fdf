/// A run from its start to its end, as an F# program or script sees it.
module Spikeformer.Samples.Training

open Spikeformer.Client
open Spikeformer.Contracts

/// Starts a run, prints a line for each evaluation, and gives its last status.
let train (cluster: SpikeformerCluster) (spec: RunSpec) =
    task {
        let! _ = cluster.StartAsync spec

        return!
            cluster.ForEachNewsAsync(
                spec.Name,
                fun news ->
                    for epoch in news.Epochs do
                        printfn "epoch %d  test loss %.4f  accuracy %.3f" (epoch.Epoch + 1) epoch.TestLoss epoch.TestAccuracy
            )
    }

/// How a run ended: Ok with the digest of its steps, or Error with the reason.
let outcome (status: RunStatus) =
    match status.State, Option.ofObj status.Outcome, Option.ofObj status.Failure with
    | RunState.Completed, Some outcome, _ -> Ok outcome.StepDigest
    | RunState.Failed, _, Some failure -> Error $"worker {failure.Worker}: {failure.ToException().Message}"
    | RunState.Stopped, _, _ -> Error $"stopped at step {status.Step}; 'resume' continues it"
    | state, _, _ -> Error $"the run is {StateNames.Of state}"

/// Trains on a cluster that is there: host:port of its gateways, or the state directory of silos on this machine.
let trainOn (address: string) spec =
    task {
        use! cluster = SpikeformerCluster.ConnectAsync address
        return! train cluster spec
    }

/// Trains on a cluster of the program's own, which lives as long as the run.
let trainAlone (spec: RunSpec) =
    task {
        use! own = EmbeddedCluster.StartAsync(spec.OutDirectory, spec.Workers)
        use! cluster = SpikeformerCluster.ConnectAsync own.Address
        return! train cluster spec
    }

/// Prints how a run ended and gives the exit code.
let report status =
    match outcome status with
    | Ok digest ->
        printfn "step digest %s" digest
        0
    | Error reason ->
        eprintfn "%s" reason
        1
