using System.Runtime.ExceptionServices;
using static Spikeformer.Autograd.AutogradNative;
using static TorchSharp.torch;

namespace Spikeformer.Autograd;

/// <summary>Runs backward passes over graphs that hold <see cref="AutogradNode"/>s.</summary>
internal static unsafe class Differentiation
{
    [ThreadStatic] private static Pass? s_pass;

    /// <summary>Back-propagates from scalars, each with gradient 1, or from any tensors with given gradients. The graph is freed.</summary>
    /// <param name="roots">Outputs to start from, all in one pass.</param>
    /// <param name="gradients">Gradient of each root, or empty when all roots are scalars.</param>
    /// <exception cref="Exception">What the first failing <see cref="AutogradNode"/> threw. All gradients of the pass are then worthless.</exception>
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
        // libtorch may also complain, about the undefined gradients that follow from our exception: that error is the lesser one.
        try { CheckForErrors(); }
        catch when (thrown is not null) { }
        if (thrown is not null) ExceptionDispatchInfo.Throw(thrown);
    }

    /// <summary>
    /// What the nodes of one thread's graphs leave behind during a backward pass. That may run on libtorch's own thread of a device, but one
    /// thread runs all nodes, one after the other, while the thread of the graph waits.
    /// </summary>
    internal sealed class Pass
    {
        private readonly List<Tensor> _uncopied = [];

        /// <summary>The first exception of the pass, or null.</summary>
        public Exception? Exception;

        /// <summary>The slot of graphs that this thread builds.</summary>
        public static Pass OfThisThread => s_pass ??= new Pass();

        /// <summary>libtorch copies a returned gradient's handle only after our callback has returned: holds it until the next callback.</summary>
        public void KeepUntilCopied(Tensor gradient) => _uncopied.Add(gradient);

        /// <summary>Disposes the gradients that the last callback returned; libtorch has its own references by now.</summary>
        public void ReleaseCopied()
        {
            foreach (Tensor gradient in _uncopied) gradient.Dispose();
            _uncopied.Clear();
        }
    }
}
