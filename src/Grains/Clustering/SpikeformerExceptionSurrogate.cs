namespace Spikeformer.Clustering;

/// <summary>The serialized form of a <see cref="SpikeformerException"/> from a grain to its caller. Without it the kind, and so the exit code, would be
/// lost. Subclasses and inner exceptions are not serialized.</summary>
[GenerateSerializer]
internal struct SpikeformerExceptionSurrogate
{
    /// <summary>The kind of the error.</summary>
    [Id(0)] public ErrorKind Kind;
    /// <summary>What happened, and where.</summary>
    [Id(1)] public string What;
    /// <summary>What the user can do.</summary>
    [Id(2)] public string Remedy;
}

/// <summary>Converts between a <see cref="SpikeformerException"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class SpikeformerExceptionConverter : IConverter<SpikeformerException, SpikeformerExceptionSurrogate>
{
    /// <inheritdoc/>
    public SpikeformerException ConvertFromSurrogate(in SpikeformerExceptionSurrogate surrogate) => new(surrogate.Kind, surrogate.What, surrogate.Remedy);

    /// <inheritdoc/>
    public SpikeformerExceptionSurrogate ConvertToSurrogate(in SpikeformerException value) =>
        new() { Kind = value.Kind, What = value.What, Remedy = value.Remedy };
}
