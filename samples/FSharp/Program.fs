/// Trains a recipe and prints the digest of its steps: on the cluster that --cluster names, or on one of the program's own.
module Spikeformer.Samples.Program

open Spikeformer
open Spikeformer.Client
open Spikeformer.Samples.Training

type Options =
    { Recipe: string
      Overrides: string list
      Cluster: string option
      Spec: Contracts.RunSpec -> Contracts.RunSpec }

let rec parse options arguments =
    let change (edit: Contracts.RunSpec -> Contracts.RunSpec) = { options with Spec = options.Spec >> edit }

    match arguments with
    | [] -> Ok options
    | "--recipe" :: recipe :: rest -> parse { options with Recipe = recipe } rest
    | "--set" :: field :: rest -> parse { options with Overrides = options.Overrides @ [ field ] } rest
    | "--cluster" :: address :: rest -> parse { options with Cluster = Some address } rest
    | "--name" :: name :: rest -> parse (change _.With(name = name)) rest
    | "--data" :: path :: rest -> parse (change _.With(dataPath = path)) rest
    | "--out" :: path :: rest -> parse (change _.With(outDirectory = path)) rest
    | "--workers" :: number :: rest -> parse (change _.With(workers = int number)) rest
    | argument :: _ -> Error $"'{argument}' is no option, or lacks its value"

[<EntryPoint>]
let main arguments =
    let defaults = { Recipe = "demo"; Overrides = []; Cluster = None; Spec = _.With(workers = 2) }

    try
        match parse defaults (List.ofArray arguments) with
        | Error problem ->
            eprintfn "%s. Options: --recipe NAME|FILE, --set KEY=VALUE, --cluster HOST:PORT|DIR, --name, --data, --out, --workers." problem
            1
        | Ok options ->
            let spec = RunSpecs.OfRecipe(options.Recipe, options.Overrides) |> options.Spec

            match options.Cluster with
            | Some address -> trainOn address spec
            | None -> trainAlone spec
            |> _.GetAwaiter().GetResult()
            |> report
    with :? SpikeformerException as error ->
        eprintfn "%s" error.Message
        1
