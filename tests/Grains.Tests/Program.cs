using Spikeformer.Grains.Tests;

return args is [PeerProcess.Role] ? PeerProcess.Play() : await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(
    args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
