/// The sample program and the script, on a small network for two epochs.
module Spikeformer.FSharp.Tests.SampleTests

open System.IO
open System.Text.Json
open Spikeformer.FSharp.Tests.Programs
open Spikeformer.TestKit
open Xunit

let private overrides =
    [ "epochs=2"; "batch=8"; "shards=3"; "data.canvas=[16,16]"; "data.trainSamples=22"; "data.testSamples=11"; "model.width=32" ]

let private set = [ for field in overrides do yield! [ "--set"; field ] ]

let private lastDigest directory =
    let last = File.ReadLines(Path.Combine(directory, "steps.jsonl")) |> Seq.last
    JsonDocument.Parse(last).RootElement.GetProperty("digest").GetString()

/// Asserts that a program has printed a line for each epoch, and the digest in the run directory.
let private trained directory ended =
    Assert.True((ended.ExitCode = 0), ended.Error)

    match ended.Output with
    | [ first; second; digest ] ->
        Assert.StartsWith("epoch 1 ", first)
        Assert.StartsWith("epoch 2 ", second)
        Assert.Equal($"step digest {lastDigest directory}", digest)
    | other -> Assert.Fail $"three lines were expected, not {other}"

let private refused (mentions: string list) ended =
    Assert.Equal((1, []), (ended.ExitCode, ended.Output))
    for mention in mentions do Assert.Contains(mention, ended.Error)
    Assert.DoesNotContain("   at ", ended.Error)

[<Fact>]
let ``The sample on a running cluster prints the evaluations and the digest of the last step`` () =
    task {
        use folder = new TemporaryFolder()
        use! silo = Silo.StartAsync folder
        sample ([ "--cluster"; silo.Gateway; "--name"; "one"; "--out"; folder["run"] ] @ set) |> trained folder["run"]
        // The directory is now in use, which only a worker can see: the run fails with the reason. The state directory also names the cluster.
        sample ([ "--cluster"; folder["state"]; "--name"; "two"; "--out"; folder["run"] ] @ set) |> refused [ folder["run"]; "already contains the run" ]
    }

[<Fact>]
let ``The sample on its own cluster prints the evaluations and the digest of the last step`` () =
    use folder = new TemporaryFolder()
    sample ([ "--out"; folder["run"] ] @ set) |> trained folder["run"]

[<Fact>]
let ``The script prints the evaluations and the digest of the last step`` () =
    use folder = new TemporaryFolder()
    let script = Path.Combine(TestData.RepositoryRoot, "samples", "FSharp", "train.fsx")
    let library = Path.Combine(TestData.RepositoryRoot, "src/Client/Cli/bin/Release/net10.0/linux-x64/Spikeformer.Client.dll")
    Assert.SkipUnless(File.Exists library, "the script takes the library of a Release build: dotnet test -c Release")
    run ([ "fsi"; script; folder["run"] ] @ overrides) |> trained folder["run"]

[<Fact>]
let ``A wrong recipe name is reported with the known recipes`` () = sample [ "--recipe"; "dmeo" ] |> refused [ "dmeo"; "demo" ]

[<Fact>]
let ``A wrong option is reported with the known options`` () = sample [ "--recpie"; "demo" ] |> refused [ "--recpie"; "--recipe" ]

[<Fact>]
let ``A wrong address is reported`` () = sample [ "--cluster"; "nowhere" ] |> refused [ "nowhere"; "host:port" ]

[<Fact>]
let ``The example in the README is the sample's code`` () =
    let read path = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, path))
    let readme, sample = read "README.md", read "samples/FSharp/Training.fs"
    let start = readme.IndexOf "```fsharp\n" + "```fsharp\n".Length
    let example = readme.Substring(start, readme.IndexOf("\n```", start) - start)

    for part in example.Split "\n\n///" do
        Assert.Contains(part, sample)
