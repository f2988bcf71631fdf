using Spikeformer.Grains.Tests;
using Spikeformer.Grains.Tests.Collectives;

return args is [PeerProcess.Role] ? PeerProcess.Play() : await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(
    args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
