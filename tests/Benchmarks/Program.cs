using System.CommandLine;
using Spikeformer.Benchmarks;

var json = new Option<bool>("--json") { Description = "Print one JSON object instead of tables.", Recursive = true };
var threads = new Option<int>("--threads") { Description = "Compute threads.", DefaultValueFactory = _ => 1, Recursive = true };
var repeat = new Option<int>("--repeat")
{
    Description = "Timed repetitions of each side, in turn.", DefaultValueFactory = _ => 21, Recursive = true,
};
var tuned = new Option<bool>("--tuned-allocator") { Description = "Run with the allocator settings of a worker.", Recursive = true };

var neurons = new Command("neurons", "Multi-step neurons: fused kernels, libtorch operations and the memory bandwidth floor.");
neurons.SetAction(arguments =>
{
    if (arguments.GetValue(tuned) && !Machine.HasTunedAllocator) return Machine.RestartWithTunedAllocator(args);
    NeuronBenchmark.Run(arguments.GetValue(threads), arguments.GetValue(repeat), arguments.GetValue(json));
    return 0;
});

var root = new RootCommand("Benchmarks of Spikeformer.") { json, threads, repeat, tuned, neurons };
return root.Parse(args).Invoke();
