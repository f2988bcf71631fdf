// Trains the recipe demo from a script, on an embedded cluster: dotnet fsi samples/FSharp/train.fsx DIRECTORY [KEY=VALUE ...]
// Needs the library and the silo program, which './spikeformer' or 'dotnet build -c Release' builds.
#I "../../src/Client/Cli/bin/Release/net10.0/linux-x64"
#r "Spikeformer.Model.dll"
#r "Spikeformer.Grains.dll"
#r "Spikeformer.Client.dll"
#load "Training.fs"

open System
open System.IO
open Spikeformer.Client
open Spikeformer.Samples.Training

let silo = Path.Combine(__SOURCE_DIRECTORY__, "../../src/Silo/bin/Release/net10.0/linux-x64/spikeformer-silo.dll")
Environment.SetEnvironmentVariable(EmbeddedCluster.ProgramVariable, silo)

match List.ofArray fsi.CommandLineArgs with
| _ :: directory :: overrides ->
    let spec = RunSpecs.OfRecipe("demo", overrides).With(outDirectory = directory, workers = 2)
    exit (report (trainAlone(spec).GetAwaiter().GetResult()))
| _ ->
    eprintfn "Give a directory for the run."
    exit 1
