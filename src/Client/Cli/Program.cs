using Spikeformer.Cli;
using Spikeformer.Cli.Shell;
using var interruption = Interruption.OfThisProcess();
return await CommandLine.RunAsync(args, Console.Out, Console.Error, interruption);
