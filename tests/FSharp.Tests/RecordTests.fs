/// The records and errors of the client library as F# code uses them.
module Spikeformer.FSharp.Tests.RecordTests

open System
open Spikeformer
open Spikeformer.Client
open Spikeformer.Contracts
open Spikeformer.Samples
open Xunit

let private spec =
    RunSpec(Name = "one", Recipe = "{}", OutDirectory = "/runs/one", DataPath = "/data", Workers = 2, CheckpointEvery = Nullable 10)

let private status state = RunStatus(Run = "one", State = state, Step = 7L)

[<Fact>]
let ``A copy differs only in the given values`` () =
    let copy = spec.With(name = "two", workers = 4)
    Assert.Equal(RunSpec(Name = "two", Recipe = "{}", OutDirectory = "/runs/one", DataPath = "/data", Workers = 4, CheckpointEvery = Nullable 10), copy)
    Assert.Equal("one", spec.Name)

[<Fact>]
let ``A copy without changes equals the original`` () = Assert.True(spec.With() = spec && not (obj.ReferenceEquals(spec.With(), spec)))

[<Fact>]
let ``Paths of a copy become absolute, since workers have other working directories`` () =
    let copy = spec.With(outDirectory = "here", dataPath = "there")
    Assert.Equal((IO.Path.GetFullPath "here", IO.Path.GetFullPath "there"), (copy.OutDirectory, Option.ofObj copy.DataPath |> Option.defaultValue ""))

[<Fact>]
let ``Optional numbers are Nullable and become options`` () =
    Assert.Equal(Some 10, Option.ofNullable spec.CheckpointEvery)
    Assert.Equal(Some 5, Option.ofNullable (spec.With(checkpointEvery = 5).CheckpointEvery))
    Assert.Equal(None, Option.ofNullable (RunSpecs.OfRecipe("demo", []).CheckpointEvery))

[<Fact>]
let ``A spec of a recipe takes overrides as a list and is named like the recipe`` () =
    let spec = RunSpecs.OfRecipe("demo", [ "epochs=2"; "shards=3" ])
    Assert.Equal("demo", spec.Name)
    Assert.Contains("\"epochs\":2", spec.Recipe)
    Assert.EndsWith("runs/demo", spec.OutDirectory)

[<Fact>]
let ``An unknown recipe is an error with a kind to match on`` () =
    let kind =
        try
            RunSpecs.OfRecipe("no-such-recipe", []) |> ignore
            None
        with :? SpikeformerException as error ->
            Some error.Kind

    match kind with
    | Some ErrorKind.NotFound -> ()
    | other -> Assert.Fail $"{other}"

[<Theory>]
[<InlineData(RunState.Stopped, true)>]
[<InlineData(RunState.Completed, true)>]
[<InlineData(RunState.Failed, true)>]
[<InlineData(RunState.Cancelled, true)>]
[<InlineData(RunState.Created, false)>]
[<InlineData(RunState.WaitingForWorkers, false)>]
[<InlineData(RunState.Running, false)>]
[<InlineData(RunState.Stopping, false)>]
let ``A match on the state agrees with the library`` (state: RunState, isOver: bool) =
    let matched =
        match state with
        | RunState.Stopped
        | RunState.Completed
        | RunState.Failed
        | RunState.Cancelled -> true
        | _ -> false

    Assert.Equal((isOver, isOver), (matched, RunStates.IsOver state))

[<Fact>]
let ``A completed run is Ok with its digest, every other end an Error with its reason`` () =
    let digests = RunOutcome(State = RunState.Completed, StepDigest = "ab", WeightsDigest = "cd")
    let completed = RunStatus(Run = "one", State = RunState.Completed, Outcome = digests)
    let failed = RunStatus(Run = "one", State = RunState.Failed, Failure = WorkerFailure(Worker = "local/0", Message = "Out of memory", Remedy = "Take a smaller batch"))
    Assert.Equal(Ok "ab", Training.outcome completed)
    Assert.Equal(Error "worker local/0: Out of memory. Take a smaller batch.", Training.outcome failed)
    Assert.Equal(Error "stopped at step 7; 'resume' continues it", Training.outcome (status RunState.Stopped))
    Assert.Equal(Error "the run is cancelled", Training.outcome (status RunState.Cancelled))

[<Fact>]
let ``Lists of a record are read like any sequence`` () =
    let member' rank = MemberStatus(Worker = $"local/{rank}", Device = $"cpu:{rank}", Rank = Nullable rank, FirstShard = 2 * rank, EndShard = 2 * rank + 2)
    let commit step = StepCommit(Step = step, Loss = 1. / float step, Digest = $"{step}")
    let status = RunStatus(Run = "one", State = RunState.Running, Members = [ member' 0; member' 1 ])
    let news = RunNews(Status = status, Commits = [ for step in 1L .. 3L -> commit step ])

    Assert.Equal<string list>([ "local/0"; "local/1" ], [ for one in news.Status.Members -> one.Worker ])
    Assert.Equal(4, news.Status.Members |> Seq.sumBy (fun one -> one.EndShard - one.FirstShard))
    Assert.Equal("3", (Seq.last news.Commits).Digest)
    Assert.Equal((3, 2L), (news.Commits.Count, news.Commits[1].Step))
    Assert.Empty news.Events
