/// Programs in their own processes; none outlives its test.
module Spikeformer.FSharp.Tests.Programs

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Spikeformer.Client
open Spikeformer.Clustering
open Spikeformer.TestKit
open Xunit

type Ended = { ExitCode: int; Output: string list; Error: string }

let private limit = TimeSpan.FromSeconds 60.

let private lines (text: string) = List.ofArray (text.Split('\n', StringSplitOptions.RemoveEmptyEntries))

let private start (arguments: string list) =
    let start = ProcessStartInfo("dotnet", arguments, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true)
    start.Environment.Remove EmbeddedCluster.ProgramVariable |> ignore
    nonNull (Process.Start start)

let private kill (program: Process) =
    if not program.HasExited then
        program.Kill(entireProcessTree = true)
        program.WaitForExit()

/// Runs dotnet with these arguments to its end, for at most a minute.
let run arguments =
    use program = start arguments

    try
        let output, error = program.StandardOutput.ReadToEndAsync(), program.StandardError.ReadToEndAsync()
        Assert.True(program.WaitForExit limit, $"dotnet {arguments} did not end within {limit.TotalSeconds} s")
        { ExitCode = program.ExitCode; Output = lines output.Result; Error = error.Result }
    finally
        kill program

/// Runs the sample program.
let sample arguments = run (Path.Combine(AppContext.BaseDirectory, "Spikeformer.Samples.FSharp.dll") :: arguments)

/// A silo with two CPU workers and its state in a folder. It ends when its input ends, and so with the test, even if that is killed.
type Silo private (program: Process, endpoints: SiloEndpoints) =
    member _.Gateway = endpoints.Gateway

    static member StartAsync(folder: TemporaryFolder) =
        task {
            let file = folder["endpoints.json"]

            let program =
                start
                    [ Path.Combine(AppContext.BaseDirectory, "spikeformer-silo.dll"); "run"; "--parent-pipe"; "--name"; "local"; "--state"; folder["state"]
                      "--endpoint-file"; file; "--silo-port"; "0"; "--gateway-port"; "0"; "--http-port"; "0"; "--devices"; "cpu:2"; "--orphan-grace"; "0" ]

            let messages = [ program.StandardOutput.ReadToEndAsync(); program.StandardError.ReadToEndAsync() ]

            try
                do! Eventually.HoldsAsync("a silo that is up", (fun () -> program.HasExited || File.Exists file), found = fun () -> "")
                Assert.False(program.HasExited, $"the silo ended early: {[ for text in messages -> if text.IsCompleted then text.Result else String.Empty ]}")
                return new Silo(program, nonNull (SiloEndpoints.TryRead file))
            with error ->
                kill program
                return raise error
        }

    interface IDisposable with
        member _.Dispose() =
            program.StandardInput.Close()
            program.WaitForExit limit |> ignore
            kill program
            program.Dispose()
