namespace Spikeformer.Runs;

/// <summary>
/// What a run begins with instead of fresh weights: those of another training, in a later epoch if wanted, with a fresh optimizer. Learning rates,
/// order of the samples and random draws are functions of the step, so they are those of that epoch.
/// </summary>
/// <param name="Weights">Where the weights lie, as the workers see it.</param>
/// <param name="Sha256">SHA-256 over names and bytes of the network's tensors in its own order, 64 hex digits: the same for a checkpoint, its export
/// and a <c>.pth</c> file of these weights.</param>
/// <param name="Epoch">The first epoch, from 0.</param>
public sealed record RunOrigin(string Weights, string Sha256, int Epoch)
{
    /// <summary>Checks what a run is to begin with.</summary>
    /// <param name="weights">Where its weights lie; null for fresh ones.</param>
    /// <param name="epoch">The first epoch.</param>
    /// <param name="epochs">Epochs of the recipe.</param>
    /// <exception cref="SpikeformerException">The recipe does not have that epoch, or it is not the first one although the weights are fresh
    /// (Usage).</exception>
    public static void Check(string? weights, int epoch, int epochs)
    {
        if (epoch < 0 || epoch >= epochs)
            throw new SpikeformerException(ErrorKind.Usage, $"A run cannot begin in epoch {epoch}: the recipe has epochs 0 to {epochs - 1}",
                "Choose another --start-epoch, or give the recipe more with --set epochs=N");
        if (epoch > 0 && weights is null)
            throw new SpikeformerException(ErrorKind.Usage, $"Fresh weights begin in epoch 0, not in epoch {epoch}",
                "Give the weights that were trained until then with --init-from, or leave --start-epoch out; 'resume' continues a run by itself");
    }
}
