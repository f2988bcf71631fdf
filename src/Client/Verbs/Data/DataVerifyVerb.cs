using System.CommandLine;

namespace Spikeformer.Client;

/// <summary><c>data verify</c>: reads prepared data again and compares them with what they were.</summary>
internal static class DataVerifyVerb
{
    public static Command Create(Interruption interruption) => new("verify", "Read data again and compare them with what was prepared")
    {
        VerifyImageFolder.Create(interruption),
    };
}
