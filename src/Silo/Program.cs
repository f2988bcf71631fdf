using Spikeformer.Silo;

return await CommandLine.RunAsync(args);
