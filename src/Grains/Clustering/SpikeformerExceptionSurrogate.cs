namespace Spikeformer.Clustering;

/// <summary>What travels of a <see cref="SpikeformerException"/> from a grain to its caller; without it the kind, and so the exit code, would be
/// lost. Subclasses and causes do not travel.</summary>
[GenerateSerializer]
public struct SpikeformerExceptionSurrogate
{
    /// <summary>The class of the error.</summary>
    [Id(0)] public ErrorKind Kind;
    /// <summary>What happened and where.</summary>
    [Id(1)] public string What;
    /// <summary>What the user can do.</summary>
    [Id(2)] public string Remedy;
}

/// <summary>Converts between a <see cref="SpikeformerException"/> and what travels of it.</summary>
[RegisterConverter]
public sealed class SpikeformerExceptionConverter : IConverter<SpikeformerException, SpikeformerExceptionSurrogate>
{
    /// <inheritdoc/>
    public SpikeformerException ConvertFromSurrogate(in SpikeformerExceptionSurrogate surrogate) => new(surrogate.Kind, surrogate.What, surrogate.Remedy);

    /// <inheritdoc/>
    public SpikeformerExceptionSurrogate ConvertToSurrogate(in SpikeformerException value) =>
        new() { Kind = value.Kind, What = value.What, Remedy = value.Remedy };
}
