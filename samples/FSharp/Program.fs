/// Trains a recipe on the cluster that --cluster names, or on an embedded cluster, and prints the digest of the last step.
module Spikeformer.Samples.Program

open Spikeformer
open Spikeformer.Client
open Spikeformer.Contracts
open Spikeformer.Samples.Training

type Options =
    { Recipe: string
      Overrides: string list
      Cluster: string option
      /// The changes of --name, --out and similar options to the run.
      Change: RunSpec -> RunSpec }

let rec parse options arguments =
    let andThen change = { options with Change = options.Change >> change }

    match arguments with
    | [] -> Ok options
    | "--recipe" :: recipe :: rest -> parse { options with Recipe = recipe } rest
    | "--set" :: field :: rest -> parse { options with Overrides = options.Overrides @ [ field ] } rest
    | "--cluster" :: address :: rest -> parse { options with Cluster = Some address } rest
    | "--name" :: name :: rest -> parse (andThen (fun spec -> spec.With(name = name))) rest
    | "--data" :: path :: rest -> parse (andThen (fun spec -> spec.With(dataPath = path))) rest
    | "--out" :: path :: rest -> parse (andThen (fun spec -> spec.With(outDirectory = path))) rest
    | "--workers" :: number :: rest when fst (System.Int32.TryParse number) -> parse (andThen (fun spec -> spec.With(workers = int number))) rest
    | argument :: _ -> Error $"'{argument}' is not an option, or its value is missing"

[<EntryPoint>]
let main arguments =
    let defaults = { Recipe = "demo"; Overrides = []; Cluster = None; Change = fun spec -> spec.With(workers = 2) }

    try
        match parse defaults (List.ofArray arguments) with
        | Error problem ->
            eprintfn "%s. The options are --recipe NAME|FILE, --set KEY=VALUE, --cluster HOST:PORT|DIR, --name, --data, --out and --workers." problem
            1
        | Ok options ->
            let spec = RunSpecs.OfRecipe(options.Recipe, options.Overrides) |> options.Change
            let training = match options.Cluster with Some address -> trainOn address spec | None -> trainAlone spec
            report (training.GetAwaiter().GetResult())
    with :? SpikeformerException as error ->
        eprintfn "%s" error.Message
        1
