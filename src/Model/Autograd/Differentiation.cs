using System.Runtime.ExceptionServices;
using static Spikeformer.Autograd.AutogradNative;
using static TorchSharp.torch;

namespace Spikeformer.Autograd;

/// <summary>Runs backward passes over graphs that hold <see cref="AutogradNode"/>s.</summary>
internal static unsafe class Differentiation
{
    [ThreadStatic] private static Failure? s_failure;
    [ThreadStatic] private static List<Tensor>? s_uncopied;

    /// <summary>Back-propagates from scalars, each with gradient 1, or from any tensors with given gradients. The graph is freed.</summary>
    /// <param name="roots">Outputs to start from, all in one pass.</param>
    /// <param name="gradients">Gradient of each root, or empty when all roots are scalars.</param>
    /// <exception cref="Exception">What the first failing <see cref="AutogradNode"/> threw. All gradients of the pass are then worthless.</exception>
    public static void Backward(ReadOnlySpan<Tensor> roots, ReadOnlySpan<Tensor> gradients = default)
    {
        Failure failure = Failure.OfThisThread;
        failure.Exception = null;
        nint* handles = stackalloc nint[roots.Length + gradients.Length];
        for (int i = 0; i < roots.Length; i++) handles[i] = roots[i].Handle;
        for (int i = 0; i < gradients.Length; i++) handles[roots.Length + i] = gradients[i].Handle;
        THSAutograd_backward(handles, roots.Length, handles + roots.Length, gradients.Length, retainGraph: false, createGraph: false, null, 0);
        ReleaseCopied();
        foreach (Tensor root in roots) GC.KeepAlive(root);
        foreach (Tensor gradient in gradients) GC.KeepAlive(gradient);
        Exception? thrown = failure.Exception;
        failure.Exception = null;
        // libtorch may also complain, about the undefined gradients that follow from our exception: that error is the lesser one.
        try { CheckForErrors(); }
        catch when (thrown is not null) { }
        if (thrown is not null) ExceptionDispatchInfo.Throw(thrown);
    }

    /// <summary>libtorch copies a returned gradient's handle only after our callback has returned: holds it until the thread's next callback.</summary>
    public static void KeepUntilCopied(Tensor gradient) => (s_uncopied ??= []).Add(gradient);

    /// <summary>Disposes the gradients that this thread's last callback returned; libtorch has its own references by now.</summary>
    public static void ReleaseCopied()
    {
        if (s_uncopied is not { Count: > 0 } uncopied) return;
        foreach (Tensor gradient in uncopied) gradient.Dispose();
        uncopied.Clear();
    }

    /// <summary>Where the nodes of one thread's graphs leave the exception of their backward pass (which may run on libtorch's own thread).</summary>
    internal sealed class Failure
    {
        /// <summary>The first exception of the pass, or null.</summary>
        public Exception? Exception;

        /// <summary>The failure slot of graphs that this thread builds.</summary>
        public static Failure OfThisThread => s_failure ??= new Failure();
    }
}
