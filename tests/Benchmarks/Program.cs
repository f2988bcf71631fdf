using System.CommandLine;
using Spikeformer.Benchmarks;
using Spikeformer.Recipes;

var json = new Option<bool>("--json") { Description = "Print one JSON object instead of tables.", Recursive = true };
var threads = new Option<int>("--threads") { Description = "Compute threads.", DefaultValueFactory = _ => 1 };
var repeat = new Option<int>("--repeat")
{
    Description = "Timed repetitions of each side, in turn.", DefaultValueFactory = _ => 21,
};
var tuned = new Option<bool>("--tuned-allocator") { Description = "Run with the allocator settings of a worker." };

var neurons = new Command("neurons", "Multi-step neurons: fused kernels, libtorch operations and the memory bandwidth floor.") { threads, repeat, tuned };
neurons.SetAction(arguments =>
{
    if (arguments.GetValue(tuned) && !Machine.HasTunedAllocator) return Machine.RestartWithTunedAllocator(args);
    NeuronBenchmark.Run(arguments.GetValue(threads), arguments.GetValue(repeat), arguments.GetValue(json));
    return 0;
});

var network = new Option<string?>("--network") { Description = "One published network; by default all three." };
var precisions = new Option<string[]>("--precision") { Description = "fp32, bf16 or both.", DefaultValueFactory = _ => ["fp32"], AllowMultipleArgumentsPerToken = true };
var threadCounts = new Option<int[]>("--threads") { Description = "Compute threads, one or several.", DefaultValueFactory = _ => [2, 1], AllowMultipleArgumentsPerToken = true };
var steps = new Option<int>("--steps") { Description = "Timed steps of each process.", DefaultValueFactory = _ => 5 };
var rounds = new Option<int>("--rounds") { Description = "Processes of each side, in turn.", DefaultValueFactory = _ => 3 };
var peer = new Option<string?>("--peer") { Description = "The peer's script.", DefaultValueFactory = _ => "../shared/tools/peers/step_pytorch.py" };
var python = new Option<string>("--python") { Description = "Python with the peers: PyTorch, NumPy, Pillow.", DefaultValueFactory = _ => "/usr/bin/python3" };
var step = new Command("step", "One training step of the published networks beside PyTorch.") { network, precisions, threadCounts, steps, rounds, peer, python };
step.SetAction(arguments => StepBenchmark.Run(new(arguments.GetValue(network), arguments.GetValue(precisions)!, arguments.GetValue(threadCounts)!,
    arguments.GetValue(steps), arguments.GetValue(rounds), arguments.GetValue(peer), arguments.GetValue(python)!, arguments.GetValue(json))));

var workerArguments = new Argument<string[]>("case") { Description = "Network, batch, threads, precision, steps." };
var stepWorker = new Command("step-worker", "One process of the step benchmark.") { workerArguments };
stepWorker.SetAction(arguments =>
{
    string[] values = arguments.GetValue(workerArguments)!;
    StepWorker.Run(new(values[0], int.Parse(values[1]), int.Parse(values[2]), Enum.Parse<Precision>(values[3], ignoreCase: true), int.Parse(values[4])));
});

var worlds = new Option<int[]>("--world-size") { Description = "Numbers of processes.", DefaultValueFactory = _ => [2, 4], AllowMultipleArgumentsPerToken = true };
var peers = new Option<string>("--peers") { Description = "Folder of the peers' sources.", DefaultValueFactory = _ => "../shared/tools/peers" };
var allReduce = new Command("allreduce", "Exact all-reduce of processes of one host, compared with OpenMPI and Gloo.") { worlds, rounds, peers, python };
allReduce.SetAction(arguments => AllReduceBenchmark.Run(new(
    arguments.GetValue(worlds)!, arguments.GetValue(rounds), arguments.GetValue(peers)!, arguments.GetValue(python)!, arguments.GetValue(json))));
var allReduceWorker = new Command("allreduce-worker", "One process of the all-reduce benchmark; reads its plan from standard input.");
allReduceWorker.SetAction(_ => AllReduceWorker.Run());

var workerCounts = new Option<int[]>("--workers") { Description = "Numbers of workers.", DefaultValueFactory = _ => [10, 100, 1000], AllowMultipleArgumentsPerToken = true };
var control = new Command("control", "The coordinator of a run with many workers that do not compute.") { workerCounts };
control.SetAction(arguments => ControlBenchmark.RunAsync(arguments.GetValue(workerCounts)!, arguments.GetValue(json)));

var kills = new Option<int>("--kills") { Description = "Workers killed, one at a time.", DefaultValueFactory = _ => 10 };
var freezes = new Option<int>("--freezes") { Description = "Workers frozen, one at a time.", DefaultValueFactory = _ => 5 };
var restarts = new Option<int>("--restarts") { Description = "Number of times that all workers are killed.", DefaultValueFactory = _ => 5 };
var recoveryWorlds = new Option<int[]>("--world-size") { Description = "Numbers of workers.", DefaultValueFactory = _ => [2, 3, 4], AllowMultipleArgumentsPerToken = true };
var recovery = new Command("recovery", "Time from the failure of a worker to the next committed step, compared with a restart of all workers from the last checkpoint.") { recoveryWorlds, kills, freezes, restarts };
recovery.SetAction(arguments => RecoveryBenchmark.RunAsync(arguments.GetValue(recoveryWorlds)!, arguments.GetValue(kills), arguments.GetValue(freezes), arguments.GetValue(restarts), arguments.GetValue(json)));

var straggler = new Command("straggler", "One of two workers becomes slow: time until shards move, and the speed after that.");
straggler.SetAction(arguments => StragglerBenchmark.RunAsync(arguments.GetValue(json)));

var accidents = new Option<int>("--accidents") { Description = "Failures of each kind.", DefaultValueFactory = _ => 5 };
var outage = new Command("outage", "Machines on a simulated network: cables are pulled, machines fail, coordinators die.") { accidents };
outage.SetAction(arguments => OutageBenchmark.RunAsync(arguments.GetValue(accidents), arguments.GetValue(json)));

var pairs = new Option<int>("--pairs") { Description = "Pairs of steps, one with and one without.", DefaultValueFactory = _ => 1000 };
var metrics = new Command("metrics", "Cost of a worker's metrics, in CPU time of its steps.") { pairs };
metrics.SetAction(arguments => MetricsBenchmark.Run(arguments.GetValue(pairs), arguments.GetValue(json)));

var tolerance = new Command("tolerance", "Cost of fault tolerance, in CPU time of the steps.") { pairs };
tolerance.SetAction(arguments => ToleranceBenchmark.Run(arguments.GetValue(pairs), arguments.GetValue(json)));

var data = new Option<string?>("--data") { Description = "The data pack; by default SPIKEFORMER_TEST_DATA." };
var loader = new Command("loader", "Recordings and photographs to frames on one core, beside NumPy and Pillow.") { data, rounds, python };
loader.SetAction(arguments => LoaderBenchmark.Run(new(arguments.GetValue(data) ?? Environment.GetEnvironmentVariable("SPIKEFORMER_TEST_DATA"), arguments.GetValue(rounds), arguments.GetValue(python)!, arguments.GetValue(json))));

var root = new RootCommand("Benchmarks of Spikeformer.") { json, neurons, step, stepWorker, allReduce, allReduceWorker, control, recovery, straggler, outage, tolerance, metrics, loader };
return root.Parse(args).Invoke();
