using Spikeformer.Cli;
using var interruption = Interruption.OfThisProcess();
return await CommandLine.RunAsync(args, Console.Out, Console.Error, interruption);
