/// Trains a run from an F# program or script.
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

/// Gives the end of a run: Ok with the digest of its last step, or Error with the reason.
let outcome (status: RunStatus) =
    match status.State, Option.ofObj status.Outcome, Option.ofObj status.Failure with
    | RunState.Completed, Some outcome, _ -> Ok outcome.StepDigest
    | RunState.Failed, _, Some failure -> Error $"worker {failure.Worker}: {failure.ToException().Message}"
    | RunState.Stopped, _, _ -> Error $"stopped at step {status.Step}; 'resume' continues it"
    | state, _, _ -> Error $"the run is {StateNames.Of state}"

/// Trains on a running cluster: host:port of its gateways, or the state directory of silos on this machine.
let trainOn (address: string) spec =
    task {
        use! cluster = SpikeformerCluster.ConnectAsync address
        return! train cluster spec
    }

/// Trains on an embedded cluster, which lives as long as the run.
let trainAlone (spec: RunSpec) =
    task {
        use! own = EmbeddedCluster.StartAsync(spec.OutDirectory, spec.Workers)
        use! cluster = SpikeformerCluster.ConnectAsync own.Address
        return! train cluster spec
    }

/// Prints the end of a run and gives the exit code.
let report status =
    match outcome status with
    | Ok digest ->
        printfn "step digest %s" digest
        0
    | Error reason ->
        eprintfn "%s" reason
        1
