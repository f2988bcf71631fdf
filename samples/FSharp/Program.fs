/// Trains a recipe and prints the digest of its steps: on the cluster that --cluster names, or on one of the program's own.
module Spikeformer.Samples.Program

open Spikeformer
open Spikeformer.Client
open Spikeformer.Contracts
open Spikeformer.Samples.Training

type Options =
    { Recipe: string
      Overrides: string list
      Cluster: string option
      /// What --name, --out and the like change in the run of that recipe.
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
    | argument :: _ -> Error $"'{argument}' is no option, or lacks its value"

[<EntryPoint>]
let main arguments =
    let defaults = { Recipe = "demo"; Overrides = []; Cluster = None; Change = fun spec -> spec.With(workers = 2) }

    try
        match parse defaults (List.ofArray arguments) with
        | Error problem ->
            eprintfn "%s. There are --recipe NAME|FILE, --set KEY=VALUE, --cluster HOST:PORT|DIR, --name, --data, --out and --workers." problem
            1
        | Ok options ->
            let spec = RunSpecs.OfRecipe(options.Recipe, options.Overrides) |> options.Change
            let training = match options.Cluster with Some address -> trainOn address spec | None -> trainAlone spec
            report (training.GetAwaiter().GetResult())
    with :? SpikeformerException as error ->
        eprintfn "%s" error.Message
        1
