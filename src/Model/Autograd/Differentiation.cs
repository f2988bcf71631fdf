using System.Runtime.ExceptionServices;
using static Spikeformer.Autograd.AutogradNative;
using static TorchSharp.torch;

namespace Spikeformer.Autograd;

/// <summary>Runs backward passes over graphs with <see cref="AutogradNode"/>s.</summary>
internal static unsafe class Differentiation
{
    [ThreadStatic] private static Pass? s_pass;

    /// <summary>Back-propagates from scalars, each with gradient 1, or from any tensors with given gradients, and frees the graph.</summary>
    /// <param name="roots">The outputs to start from, all in one pass.</param>
    /// <param name="gradients">The gradient of each root; empty if all roots are scalars.</param>
    /// <exception cref="Exception">The exception of the first <see cref="AutogradNode"/> that failed. All gradients of the pass are then invalid.</exception>
    public static void Backward(ReadOnlySpan<Tensor> roots, ReadOnlySpan<Tensor> gradients = default)
    {
        Pass pass = Pass.OfThisThread;
        pass.Exception = null;
        nint* handles = stackalloc nint[roots.Length + gradients.Length];
        for (int i = 0; i < roots.Length; i++) handles[i] = roots[i].Handle;
        for (int i = 0; i < gradients.Length; i++) handles[roots.Length + i] = gradients[i].Handle;
        THSAutograd_backward(handles, roots.Length, handles + roots.Length, gradients.Length, retainGraph: false, createGraph: false, null, 0);
        pass.ReleaseCopied();
        foreach (Tensor root in roots) GC.KeepAlive(root);
        foreach (Tensor gradient in gradients) GC.KeepAlive(gradient);
        Exception? thrown = pass.Exception;
        pass.Exception = null;
        // After our exception, libtorch may also report the undefined gradients that follow from it. Ours is the cause.
        try { CheckForErrors(); }
        catch when (thrown is not null) { }
        if (thrown is not null) ExceptionDispatchInfo.Throw(thrown);
    }

    /// <summary>State that the nodes of one thread's graphs share during a backward pass. The pass may run on libtorch's own thread for a device, but a single
    /// thread runs all nodes one after the other while the thread that built the graph waits.</summary>
    internal sealed class Pass
    {
        private readonly List<Tensor> _uncopied = [];

        /// <summary>The first exception of the pass, or null.</summary>
        public Exception? Exception;

        /// <summary>The state of the graphs that this thread builds.</summary>
        public static Pass OfThisThread => s_pass ??= new Pass();

        /// <summary>Keeps a returned gradient until the next callback: libtorch copies its handle only after the callback has returned.</summary>
        public void KeepUntilCopied(Tensor gradient) => _uncopied.Add(gradient);

        /// <summary>Disposes the gradients that the last callback returned; libtorch now has its own references.</summary>
        public void ReleaseCopied()
        {
            foreach (Tensor gradient in _uncopied) gradient.Dispose();
            _uncopied.Clear();
        }
    }
}
