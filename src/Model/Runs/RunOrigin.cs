namespace Spikeformer.Runs;

/// <summary>The weights of another training that a run starts from, optionally in a later epoch, with a new optimizer state. The learning rate, the order of
/// the samples and the random draws are functions of the step, so they are those of that epoch.</summary>
/// <param name="Weights">The path of the weights, as the workers see it.</param>
/// <param name="Sha256">The SHA-256 over names and bytes of the network's tensors in its own order, 64 hexadecimal digits: the same for a
/// checkpoint, its export and a <c>.pth</c> file of these weights.</param>
/// <param name="Epoch">The first epoch, from 0.</param>
public sealed record RunOrigin(string Weights, string Sha256, int Epoch)
{
    /// <summary>Checks the start of a run.</summary>
    /// <param name="weights">The path of its weights; null for newly initialised weights.</param>
    /// <param name="epoch">The first epoch, from 0.</param>
    /// <param name="epochs">The number of epochs of the recipe.</param>
    /// <exception cref="SpikeformerException">The recipe does not have that epoch, or newly initialised weights would start in a later epoch
    /// (Usage).</exception>
    public static void Check(string? weights, int epoch, int epochs)
    {
        if (epoch < 0 || epoch >= epochs)
            throw new SpikeformerException(ErrorKind.Usage, $"A run cannot start in epoch {epoch}: the recipe has epochs 0 to {epochs - 1}",
                "Choose another --start-epoch, or give the recipe more with --set epochs=N");
        if (epoch > 0 && weights is null)
            throw new SpikeformerException(ErrorKind.Usage, $"A run cannot start in epoch {epoch} without trained weights",
                "Give weights that were trained up to that epoch with --init-from, or omit --start-epoch; 'resume' finds the epoch by itself");
    }
}
